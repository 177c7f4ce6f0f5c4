import Foundation
import Postgres
import Testing

@Suite("Values come back as they were sent")
struct ValueTests {
    private func isKept<V: PostgresValue & Equatable>(_ values: [V], _ database: Database)
        async throws
    {
        for value in values {
            #expect(try await database.query("SELECT $1", value) { try $0[0, as: V.self] } == [value])
        }
        let list = values + values
        #expect(try await database.query("SELECT $1", list) { try $0[0, as: [V].self] } == [list])
        let holes: [V?] = [nil] + values.map { $0 } + [nil]
        #expect(try await database.query("SELECT $1", holes) { try $0[0, as: [V?].self] } == [holes])
        #expect(try await database.query("SELECT $1", [V]()) { try $0[0, as: [V].self] } == [[]])
        #expect(try await database.query("SELECT $1", V?.none) { try $0[0, as: V?.self] } == [nil])
    }

    @Test("numbers up to their limits come back as sent, alone, in arrays, with NULLs among them, and NULL itself")
    func numbers() async throws {
        try await Bench.with(limit: 1) { database async throws in
            try await isKept([Int16.min, -1, 0, 1, .max], database)
            try await isKept([Int32.min, -1, 0, 1, .max], database)
            try await isKept([Int64.min, -1, 0, 1, .max], database)
            try await isKept([Int.min, -1, 0, 1, .max], database)
            try await isKept([true, false], database)
            try await isKept(
                [0.0, -0.1, .infinity, -.infinity, .greatestFiniteMagnitude, .leastNonzeroMagnitude],
                database)
            #expect(
                try await database.query("SELECT $1", Double.nan) { try $0[0, as: Double.self] }.first?
                    .isNaN == true)
        }
    }

    @Test("text of every script, empty text, quotes, and bytes of every value come back as sent")
    func texts() async throws {
        try await Bench.with(limit: 1) { database async throws in
            try await isKept(
                [
                    "", " ", "Größe 42 ½", "👟👩🏽‍🚀", "שלום", "'; DROP TABLE shoe; --", "\\x00", "{a,\"b\"}",
                    "e\u{301}",
                ],
                database)
            try await isKept([Bytes([]), Bytes([0]), Bytes(Array(0...255))], database)
            try await isKept(
                [UUID(), UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))], database)
            try await isKept([JSON("{\"a\": [1, null, \"ü\"]}"), JSON("[]"), JSON("\"\"")], database)
        }
    }

    @Test("dates before 2000, before 1970 and far ahead come back as sent, to the microsecond")
    func dates() async throws {
        try await Bench.with(limit: 1) { database async throws in
            for seconds in [
                -62_000_000_000.5, -1.000_001, 0, 0.25, 946_684_799.999_999, 946_684_800, 4e10,
            ] {
                let date = Date(timeIntervalSince1970: seconds)
                let back = try await database.query("SELECT $1", date) { try $0[0, as: Date.self] }
                #expect(abs((back.first ?? .distantFuture).timeIntervalSince(date)) < 0.000_01)
                let epoch = try await database.query("SELECT extract(epoch FROM $1)::float8", date) {
                    try $0[0, as: Double.self]
                }
                #expect(
                    abs((epoch.first ?? 0) - seconds) < 0.000_01, "the server understands \(seconds) the same"
                )
            }
        }
    }

    @Test("a date that no timestamp can hold is refused by the server, and the connection serves on")
    func farDates() async throws {
        try await Bench.with(limit: 1) { database async throws in
            let backend = try await database.backend()
            for seconds in [1e20, -1e20, .infinity, -.infinity, .nan, 1e13] {
                let date = Date(timeIntervalSince1970: seconds)
                #expect(
                    await failure { try await database.query("SELECT $1", date) { try $0[0, as: Date.self] } }?.sqlState
                        == "22008")
                #expect(await failure { try await database.execute("SELECT $1", [date]) }?.sqlState == "22008")
            }
            #expect(try await database.backend() == backend)
        }
    }

    @Test("values of more than the server takes are refused before anything is sent, and the connection serves on")
    func gigabyte() async throws {
        try await Bench.with(limit: 1) { database async throws in
            let backend = try await database.backend()
            let alone = await failure { try await database.execute("SELECT length($1)", Huge()) }
            #expect(alone?.kind == .tooLarge && alone?.isRetryable == false && alone?.statement == "SELECT length($1)")
            let listed = await failure {
                try await database.write { session in
                    try session.execute("CREATE TABLE bytes (b bytea)")
                    try session.execute("INSERT INTO bytes SELECT * FROM unnest($1)", [Huge()])
                }
            }
            #expect(listed?.kind == .tooLarge)
            #expect(try await database.backend() == backend)
            #expect(try await database.holds("SELECT to_regclass('bytes') IS NULL"))
        }
    }

    @Test("integers are read from every width that they fit in, and never cut off")
    func widths() async throws {
        try await Bench.with(limit: 1) { database async throws in
            let read = try await database.query("SELECT 7::int2, 7::int4, 7::int8") { row -> [Int] in
                [try row[0], try row[1], try row[2]]
            }
            #expect(read == [[7, 7, 7]])
            let error = await failure {
                try await database.query("SELECT 70000::int4 AS pairs") { try $0[0, as: Int16.self] }
            }
            #expect(error?.kind == .decoding)
        }
    }

    @Test("a value that can't be read is refused by the column's name, and the connection serves on")
    func namedColumns() async throws {
        try await Bench.with(limit: 1) { database async throws in
            let backend = try await database.backend()
            let null = await failure {
                try await database.query("SELECT 1, NULL::text AS size") { try $0[1, as: String.self] }
            }
            #expect(null?.kind == .decoding)
            #expect(null?.message.contains("size") == true && null?.message.contains("NULL") == true)
            let wrong = await failure {
                try await database.query("SELECT 'x' AS colour") { try $0[0, as: UUID.self] }
            }
            #expect(wrong?.kind == .decoding && wrong?.message.contains("colour") == true)
            let missing = await failure {
                try await database.query("SELECT 1 AS a") { try $0[3, as: Int.self] }
            }
            #expect(missing?.kind == .decoding)
            let nested = await failure {
                try await database.query("SELECT '{{1,2},{3,4}}'::int8[] AS grid") {
                    try $0[0, as: [Int].self]
                }
            }
            #expect(nested?.kind == .decoding && nested?.message.contains("grid") == true)
            #expect(try await database.backend() == backend)
        }
    }
}

/// A gigabyte of zeros.
private struct Huge: PostgresEncodable {
    static let postgresType = Bytes.postgresType
    func encode(into bytes: inout [UInt8]) -> Bool {
        bytes.append(contentsOf: Data(count: 1 << 30))
        return true
    }
}
