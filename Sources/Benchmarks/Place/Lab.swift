import Foundation
import LocalPostgres
import Logging

/// Where it is measured.
public struct LabOptions: Sendable {
    /// A libpq connection string of a server where databases may be made; nil for a private cluster.
    public var server: String?
    /// Keeps a private cluster in memory, under /dev/shm.
    public var inMemory: Bool
    /// Tiny sizes: only to see that everything works.
    public var isSmoke: Bool
    /// Runs a worker process; its arguments are added.
    public var worker: [String]
    /// Tells people how far it is.
    public var say: @Sendable (String) async -> Void

    public init(
        server: String?, inMemory: Bool, isSmoke: Bool, worker: [String],
        say: @escaping @Sendable (String) async -> Void
    ) {
        self.server = server
        self.inMemory = inMemory
        self.isSmoke = isSmoke
        self.worker = worker
        self.say = say
    }
}

/// A real server and real processes, for as long as something is measured. Nothing here outlives this process.
public struct Lab: Sendable {
    /// A libpq connection string of the server's own database, which nothing is written to.
    public let conninfo: String
    public let facts: ServerFacts
    /// For files that are needed meanwhile.
    public let folder: String
    /// Processes that join this group end with us.
    public let processGroup: Int32
    let options: LabOptions
    private let prefix: String

    public var isSmoke: Bool { options.isSmoke }

    /// Tells people how far it is.
    public func say(_ text: String) async { await options.say(prefix.isEmpty ? text : "\(prefix): \(text)") }

    /// The size of something: small enough to be quick, when it is only to be seen that everything works.
    public func size<Number>(_ full: Number, smoke: Number) -> Number { isSmoke ? smoke : full }

    func prefixed(_ prefix: String) -> Lab {
        Lab(
            conninfo: conninfo, facts: facts, folder: folder, processGroup: processGroup, options: options,
            prefix: prefix)
    }

    /// Opens a lab, lends it to `body` and leaves nothing behind.
    public static func open<T: Sendable>(
        _ options: LabOptions, _ body: (Lab) async throws -> T
    ) async throws -> T {
        let base = options.inMemory ? "/dev/shm" : FileManager.default.temporaryDirectory.path
        let folder = "\(base)/shoeshop-bench-\(ProcessInfo.processInfo.processIdentifier)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let group = try await DeathWatch.start(
            ["/bin/sh", "-c", #"rm -rf "$0"; kill -KILL 0"#, folder])
        let value = try await withServer(options, in: folder) { conninfo, storage in
            let facts = try await Self.lend(conninfo, connections: 1) {
                try await ServerFacts(of: $0, storage: storage)
            }
            return try await body(
                Lab(
                    conninfo: conninfo, facts: facts, folder: folder, processGroup: group.processGroup,
                    options: options, prefix: ""))
        }
        try group.standDown()
        return value
    }

    private static func withServer<T: Sendable>(
        _ options: LabOptions, in folder: String, _ body: (String, String) async throws -> T
    ) async throws -> T {
        if let given = options.server { return try await body(BareConnection.keywords(of: given), "given") }
        let postgres = LocalPostgres(directory: folder + "/postgres")
        let watch = try await postgres.removeWithThisProcess()
        let result: Result<T, any Error>
        do {
            result = .success(try await body(try await postgres.start(), options.inMemory ? "memory" : "disk"))
        } catch {
            result = .failure(error)
        }
        try await postgres.stop()
        try watch.standDown()
        return try result.get()
    }
}
