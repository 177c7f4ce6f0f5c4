import ShopProcesses

/// Processes that are kept running while something else goes on.
struct Crew: Sendable {
    let members: [Member]
    /// The process group of a death watch, which takes them along when we die. It also keeps Ctrl-C from them:
    /// they are told to stop when their turn has come.
    let processGroup: Int32
    let screen: Screen

    /// Longer than the processes give themselves.
    static let drainLimit = Duration.seconds(35)

    /// Starts the processes, runs `body`, and drains and stops them when it returns or throws.
    func serve<T: Sendable>(_ body: @Sendable () async throws -> T) async throws -> T {
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for member in members { tasks.addTask { await keepRunning(member) } }
            // Leaving the group cancels nothing by itself when the body returns.
            defer { tasks.cancelAll() }
            return try await body()
        }
    }

    /// Starts a process again whenever it ends, until the task is cancelled.
    private func keepRunning(_ member: Member) async {
        var backOff = BackOff()
        while !Task.isCancelled {
            let start = ContinuousClock.now
            let end = await member.run(in: processGroup, drainLimit: Self.drainLimit)
            guard !Task.isCancelled else { return }
            let pause = backOff.pause(afterLiving: .now - start)
            await screen.notice("\(member.name) ended (\(end)), starting again in \(pause); see \(member.log)")
            // Cancellation ends the pause, and then the loop.
            try? await Task.sleep(for: pause)
        }
    }
}
