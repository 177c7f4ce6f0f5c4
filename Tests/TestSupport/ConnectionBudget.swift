import Postgres

/// How many connections the tests of one process may open at once, so that however slow the machine is, and however many tests
/// have begun, none is refused by the server.
///
/// The sum: each database that a test has for itself may be used by two pools of eight, the dedicated connections of some
/// workers, and the connections that the test makes and loses itself. The shop of processes, of which there is one at a
/// time, has up to ten of them. Databases are made and dropped by connections of their own.
enum ConnectionBudget {
    static let databases = 14
    private static let ofOneDatabase = 24
    private static let ofTheShop = 110
    private static let administration = databases

    /// What the private server is told to allow.
    static let all = databases * ofOneDatabase + ofTheShop + administration + reserved
    /// Kept for superusers by the server, and for its own workers.
    private static let reserved = 10

    private static let gate = Task { Places(try await width()) }

    /// A server that was made by somebody else may allow fewer.
    private static func width() async throws -> Int {
        let allowed =
            try await TestDatabase.administer { database in
                try await database.query("SELECT current_setting('max_connections')::int") { try $0[0, as: Int.self] }
            }.first ?? 0
        return max(1, min(databases, (allowed - ofTheShop - reserved) / (ofOneDatabase + 1)))
    }

    /// A test that has a database already may have another: waiting for it while holding one could go on for ever.
    @TaskLocal private static var isWithin = false

    /// Runs `body`, which uses a database of its own, as soon as there is room.
    static func spend<T>(_ body: () async throws -> T) async throws -> T {
        if isWithin { return try await body() }
        let gate = try await gate.value
        await gate.take()
        defer { gate.giveBack() }
        return try await $isWithin.withValue(true) { try await body() }
    }
}
