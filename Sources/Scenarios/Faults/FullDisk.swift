/// Nobody can write another block to the server's file system.
actor FullDisk: Trouble {
    private let server: ScenarioServer
    private var greed: Repetition?

    init(of server: ScenarioServer) { self.server = server }

    func begin() async throws {
        guard let disk = server.disk else {
            throw ScenarioError(.faultFailed, "the server was made without a limit of its disk, so it can't be filled")
        }
        try disk.fill()
        greed = Repetition(every: .milliseconds(50)) {
            // What the server deletes is taken too; where even opening the file fails, there is no room either.
            _ = try? disk.fill()
        }
    }

    /// A server that could not write its log has gone down, and does not come back by itself.
    func end() async throws {
        await greed?.stop()
        greed = nil
        try server.disk?.empty()
        try await server.start()
    }
}
