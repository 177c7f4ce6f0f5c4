import Postgres
import TestSupport
import Testing

@Suite("A session's settings are its client's, whatever string, role and database say", .timeLimit(.minutes(5)))
struct SettingTests {
    /// Runs `body` in sessions for which every place where a setting can be made says something else.
    private static func against(
        _ settings: [(name: String, value: String)], through route: Route,
        _ body: @Sendable (Database) async throws -> Void
    ) async throws {
        try await Bench.with(through: route, limit: 1) { given async throws in
            let name = try await given.one("SELECT current_database()", as: String.self)
            for setting in settings {
                try await given.script(
                    """
                    ALTER DATABASE \(name) SET \(setting.name) = \(setting.value);
                    ALTER ROLE CURRENT_USER IN DATABASE \(name) SET \(setting.name) = \(setting.value)
                    """)
            }
            // A pooler has sessions that began before.
            _ = await failure { try await given.execute(.endOfAll) }
            let database = Database(given.conninfo + " client_encoding=LATIN1")
            try await body(database)
            await database.close()
        }
    }

    @Test("text is stored as it was sent, and read as it was stored", arguments: [Route.direct, .pooler])
    func encoding(route: Route) async throws {
        try await Self.against([("client_encoding", "'LATIN1'")], through: route) { database async throws in
            let text = "Größe 38½ in „Weiß“ – 靴 👟"
            try await database.script("CREATE TABLE label (text text)")
            try await database.execute("INSERT INTO label VALUES ($1)", text)
            try await database.write { $0.pipeline("INSERT INTO label VALUES ($1)", text) }
            let stored = try await database.query("SELECT text, octet_length(text), length(text) FROM label") { row in
                (try row[0, as: String.self], try row[1, as: Int.self], try row[2, as: Int.self])
            }
            #expect(stored.count == 2)
            for (read, bytes, characters) in stored {
                #expect(read == text && bytes == text.utf8.count && characters == text.unicodeScalars.count)
            }
        }
    }

    @Test(
        "text and dates are stored as they were sent, and read as they were stored, whatever a program's environment says",
        arguments: [
            ["PGCLIENTENCODING": "LATIN1"], ["PGOPTIONS": "-c client_encoding=LATIN1 -c DateStyle=German"],
            ["PGCLIENTENCODING": "WIN1252", "PGDATESTYLE": "German, DMY", "PGTZ": "Asia/Kathmandu"],
        ])
    func environment(variables: [String: String]) async throws {
        try await Bench.with(limit: 1) { database async throws in
            let text = "Größe 38½ in „Weiß“ – 靴 👟"
            try await database.script("CREATE TABLE label (text text, made date)")
            let end = try await TestProcess.end(
                of: "test-programs", ["labeller", database.conninfo, text], environment: variables)
            #expect(end.status == 0 && end.output == text + "\n", "\(end)")
            let stored = try await database.query("SELECT text, octet_length(text), made::text FROM label") { row in
                (try row[0, as: String.self], try row[1, as: Int.self], try row[2, as: String.self])
            }
            #expect(stored.count == 1 && stored.allSatisfy { $0 == (text, text.utf8.count, "2024-01-02") }, "\(stored)")
        }
    }

    @Test(
        "a session in which neither triggers nor foreign keys count is refused with the reason, unless asked for",
        arguments: [Route.direct, .pooler])
    func replica(route: Route) async throws {
        try await Self.against([("session_replication_role", "'replica'")], through: route) { database async throws in
            let error = await failure { try await database.execute("SELECT 1") }
            #expect(error?.kind == .connectionFailed && error?.message.contains("is replica") == true)
            var options = DatabaseOptions()
            options.connection.settings.append((name: "session_replication_role", value: "replica"))
            let chosen = Database(database.conninfo, options: options)
            #expect(try await chosen.number("SELECT 1") == 1)
            await chosen.close()
        }
    }

    private static let heard: Statement = "SELECT current_setting('client_min_messages')"

    @Test(
        "neither the encoding nor the warnings can be chosen, by the settings of a connection, its string, role or database",
        arguments: [Route.direct, .pooler])
    func chosen(route: Route) async throws {
        try await Self.against([("client_min_messages", "'error'")], through: route) { given async throws in
            var options = DatabaseOptions()
            options.connection.settings = [("Client_Encoding", "LATIN1"), ("Client_Min_Messages", "error")]
            let database = Database(given.conninfo, options: options)
            #expect(try await database.one("SELECT current_setting('client_encoding')", as: String.self) == "UTF8")
            #expect(try await database.one(Self.heard, as: String.self) == "warning")
            await database.close()
        }
    }

    @Test("warnings can't be turned off by the options of a string whose settings say nothing of them")
    func warnings() async throws {
        try await Bench.with(limit: 1) { given async throws in
            var options = DatabaseOptions()
            options.connection.settings = []
            let database = Database(given.conninfo + " options='-c client_min_messages=error'", options: options)
            #expect(try await database.one(Self.heard, as: String.self) == "warning")
            await database.close()
        }
    }

    @Test("the same SQL stores and reads the same for everybody", arguments: [Route.direct, .pooler])
    func sameForEverybody(route: Route) async throws {
        let odd = [
            ("DateStyle", "'German, DMY'"), ("IntervalStyle", "'iso_8601'"), ("TimeZone", "'Asia/Kathmandu'"),
            ("extra_float_digits", "-3"), ("bytea_output", "'escape'"), ("standard_conforming_strings", "off"),
            ("array_nulls", "off"), ("transform_null_equals", "on"), ("quote_all_identifiers", "on"),
            ("xmloption", "'document'"), ("backslash_quote", "on"), ("default_transaction_isolation", "'serializable'"),
        ]
        try await Self.against(odd, through: route) { database async throws in
            let told = try await database.one(
                #"""
                SELECT concat_ws(' ', timestamptz '2024-02-03 04:05:06+00', to_jsonb(timestamptz '2024-02-03 04:05:06+00')::text,
                    '01/02/2024'::date, interval '1 day 2 hours', 0.1::float8 + 0.2::float8, '\x00ff'::bytea, '\t',
                    ('{NULL}'::text[])[1] IS NULL, (NULL = NULL) IS NULL, 'pg_class'::regclass,
                    current_setting('transaction_isolation'))
                """#, as: String.self)
            #expect(
                told
                    == #"2024-02-03 04:05:06+00 "2024-02-03T04:05:06+00:00" 2024-01-02 1 day 02:00:00 0.30000000000000004 "#
                    + #"\x00ff \t t t pg_class read committed"#)
        }
    }
}
