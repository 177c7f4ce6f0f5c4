import Postgres
import Testing

@Suite("Large things pass", .timeLimit(.minutes(10)))
struct VolumeTests {
    @Test("a result of 50 MB passes")
    func largeResult() async throws {
        try await Bench.with(limit: 1) { database async throws in
            let sizes = try await database.query(
                "SELECT repeat('x', 1000000) || n FROM generate_series(1, 50) AS n"
            ) {
                try $0[0, as: String.self].utf8.count
            }
            #expect(sizes.count == 50 && sizes.reduce(0, +) > 50_000_000)
        }
    }

    @Test("a parameter of 20 MB passes, and its echo while the next one is still being sent")
    func largeParameters() async throws {
        try await Bench.with(limit: 1) { database async throws in
            let bytes = Bytes([UInt8](repeating: 7, count: 20_000_000))
            let echo = try await database.write { session in
                session.pipeline("SELECT $1", bytes)
                session.pipeline("SELECT $1", bytes)
                return try session.query("SELECT $1", bytes) { try $0[0, as: Bytes.self] }
            }
            #expect(echo == [bytes])
        }
    }

    @Test("a pipeline of 20,000 statements passes whose answers nobody reads before the end")
    func largePipeline() async throws {
        try await Bench.with(limit: 1) { database async throws in
            let last = try await database.write { session in
                for number in 0..<20_000 { session.pipeline("SELECT repeat('y', 1000), $1", number) }
                return try session.query("SELECT 42") { try $0[0, as: Int.self] }
            }
            #expect(last == [42])
        }
    }
}
