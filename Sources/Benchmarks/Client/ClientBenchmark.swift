import Postgres

/// What our client costs: tiny statements from 1, 8 and 32 tasks with a connection each.
///
/// A hop is a change to the connection's thread and back. The same statements are run on connections that were lent for the
/// whole time, one and ten per hop, and with a connection taken from the pool for each.
public struct ClientBenchmark: Benchmark {
    public let name = "client"
    public let about = "SELECT $1::int, prepared; floor: PQexecPrepared in as many plain threads"

    public init() {}

    public func run(in lab: Lab) async throws -> [Reading] {
        var readings: [Reading] = []
        for (connections, statements) in [(1, 20_000), (8, 120_000), (32, 120_000)] {
            let load = Load(connections: connections, each: lab.size(statements, smoke: 640) / connections)
            let rates = try await lab.withDatabase(connections: connections) { database in
                try await measure(load, on: database) { await lab.say("\(connections) connections: \($0)") }
            }
            for way in Way.allCases {
                readings.append(
                    Reading(
                        "\(way.rawValue), \(connections)", rates[way, default: 0], "statements/s", floor: rates[nil],
                        target: way.target))
            }
        }
        return readings
    }

    private struct Load {
        let connections: Int
        /// Statements of each connection.
        let each: Int
    }

    private enum Way: String, CaseIterable {
        case onePerHop = "1 per hop", tenPerHop = "10 per hop", pool = "through the pool"

        var target: Target? {
            switch self {
            case .onePerHop: .ratioAtLeast(0.75)
            case .tenPerHop: .ratioAtLeast(0.9)
            case .pool: nil
            }
        }
    }

    /// Statements per second of each way, and, under nil, of bare libpq. All are measured in turns, twice.
    private func measure(
        _ load: Load, on database: Database, say: (String) async -> Void
    ) async throws -> [Way?: Double] {
        var rates: [Way?: Double] = [:]
        for way in [nil] + Way.allCases + [nil] + Way.allCases {
            await say(way?.rawValue ?? "bare libpq")
            let half = Load(connections: load.connections, each: load.each / 2)
            let seconds =
                if let way { try await time(half, way, on: database) } else { try await bare(half, database.conninfo) }
            rates[way, default: 0] += Double(half.each * half.connections) / seconds / 2
        }
        return rates
    }

    private static let text = "SELECT $1::int"
    private static let statement = Statement(text)

    private func bare(_ load: Load, _ conninfo: String) async throws -> Double {
        let values = BareValues(Int32(1))
        return try await BareThreads.run(load.connections, on: conninfo) {
            try $0.prepare("tiny", Self.text, types: values.types)
        } _: { _, connection in
            try connection.execute(prepared: "tiny", values, times: load.each)
        }
    }

    private func time(_ load: Load, _ way: Way, on database: Database) async throws -> Double {
        // Connected and prepared before the clock starts, as the bare threads are.
        try await run(Load(connections: load.connections, each: 10), way, on: database)
        let start = ContinuousClock.now
        try await run(load, way, on: database)
        return start.secondsUntilNow
    }

    private func run(_ load: Load, _ way: Way, on database: Database) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<load.connections {
                group.addTask {
                    switch way {
                    case .onePerHop:
                        try await database.withConnection {
                            for number in 0..<load.each { try await Self.ask(number, $0) }
                        }
                    case .tenPerHop:
                        try await database.withConnection { connection in
                            for number in 0..<load.each / 10 { try await Self.askTenTimes(number, connection) }
                        }
                    case .pool: for number in 0..<load.each { try await Self.ask(number, database) }
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    private static func ask(_ number: Int, _ database: some DatabaseAccess) async throws {
        let answer = try await database.query(statement, Int32(number)) { try $0[0, as: Int.self] }
        guard answer == [number] else { throw BenchmarkFailure("asked for \(number), told \(answer)") }
    }

    private static func askTenTimes(_ number: Int, _ database: some DatabaseAccess) async throws {
        try await database.perform(isTransaction: false, within: nil) { session in
            for number in number * 10..<(number + 1) * 10 {
                let answer = try session.query(statement, Int32(number)) { try $0[0, as: Int.self] }
                guard answer == [number] else { throw BenchmarkFailure("asked for \(number), told \(answer)") }
            }
        }
    }
}
