import MessageQueue
import NIOHTTP1
import Postgres
import TestSupport
import Testing

extension DeskTests {
    @Test(
        "dead letters that are too many to be counted in time are listed, filtered and chosen all the same",
        arguments: ["500ms", "10m"])
    func uncounted(statementTime: String) async throws {
        try await Desk.with(["STATEMENT_TIME": statementTime], before: { try await Self.preferOwnAggregates($0) }) {
            desk async throws in
            try await desk.kill(2)
            try await desk.database.script(Self.endlessMinimum)
            let page = try await desk.page("/dead")
            #expect(page.contains("too many to count now") && page.contains("order-0"))
            #expect(page.contains("Redrive the chosen…"))
            #expect(try await desk.page("/dead?reason=tired&queue=payment").contains("Redrive all that match…"))
            try await desk.database.script("DROP AGGREGATE own.min(timestamptz)")
            let counted = try await desk.page("/dead")
            #expect(counted.contains("By reason") && !counted.contains("too many"))
        }
    }

    @Test("the pipeline is shown without how much is published where that can't be read")
    func withoutRates() async throws {
        try await Desk.with(before: { try await $0.script("ALTER FUNCTION mq.place_at RENAME TO away") }) {
            desk async throws in
            let page = try await desk.page("/")
            #expect(page.contains(">payment</a>") && !page.contains("Not up to date"))
            #expect(page.contains(/data-live="topic order-processed a second"[^>]*>–</))
        }
    }

    @Test("while no reading goes well, pages are drawn from the last one, which is told with its time")
    func lastReading() async throws {
        try await Desk.with { desk async throws in
            #expect(try await !desk.page("/").contains("Not up to date"))
            try await desk.database.script("ALTER TABLE mq.chores RENAME TO away")
            try await eventually("the page says how old it is") {
                try await desk.page("/").contains(/Not up to date since 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d: the desk/)
            }
            for path in ["/", "/queues/payment"] {
                let page = try await desk.page(path)
                #expect(page.contains("Not up to date since 20") && page.contains("payment waiting"), "\(path)")
            }
            #expect(try await desk.page("/messages").contains("<option value=\"payment\">"))
            #expect(try await desk.page("/send").contains("<option value=\"queue payment\">"))
            try await desk.database.script("ALTER TABLE mq.away RENAME TO chores")
            try await eventually("it is up to date") { try await !desk.page("/").contains("Not up to date") }
        }
    }

    @Test("before the first reading went well, messages are found and sent all the same, by names that are typed")
    func withoutReadings() async throws {
        try await Desk.with(before: { try await $0.script("ALTER TABLE mq.chores RENAME TO away") }) {
            desk async throws in
            #expect(try await desk.send(.GET, "/").status == 503)
            try await desk.broker.send([Outgoing("x", key: "order-7")], to: Queue<String>("payment"))
            let found = try await desk.page("/messages?queue=payment")
            #expect(found.contains("order-7"))
            #expect(found.contains("<input name=\"queue\" type=\"text\" value=\"payment\""))
            #expect(try await desk.page("/send").contains("To, as queue NAME or topic NAME"))
            #expect(try await desk.post("/send", "to=queue%20refunds&body=%7B").status == 422)
            try await desk.database.script("ALTER TABLE mq.away RENAME TO chores")
            try await eventually("the pipeline is there") { try await desk.send(.GET, "/").status == 200 }
        }
    }

    /// Connections from now on look for functions and aggregates in a schema of the test's own first.
    private static func preferOwnAggregates(_ database: Database) async throws {
        try await database.script(
            """
            CREATE SCHEMA own;
            DO $$ BEGIN
                EXECUTE format('ALTER DATABASE %I SET search_path = own, pg_catalog, public', current_database());
            END $$;
            """)
    }

    /// Of all that the desk asks for, the counts by reason alone need the first of several times.
    private static let endlessMinimum = """
        CREATE FUNCTION own.never(timestamptz, timestamptz) RETURNS timestamptz LANGUAGE plpgsql
            AS $$ BEGIN PERFORM pg_sleep(3600); RETURN $2; END $$;
        CREATE AGGREGATE own.min(timestamptz) (SFUNC = own.never, STYPE = timestamptz);
        """
}
