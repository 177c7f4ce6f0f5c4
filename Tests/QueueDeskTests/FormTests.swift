import Foundation
import MessageQueue
import NIOHTTP1
import Postgres
import ShoeShop
import TestSupport
import Testing

extension DeskTests {
    @Test("a browser that hangs up before its form has come to its end changes nothing, and is no error of the desk's")
    func cutForms() async throws {
        try await Desk.with { desk async throws in
            let head =
                "POST /queues/payment/limit HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: same-origin\r\n"
                + "Content-Type: application/x-www-form-urlencoded\r\n"
            let beginnings = [
                "Content-Length: 60\r\n\r\n", "Content-Length: 60\r\n\r\nconcurrency=5",
                "Transfer-Encoding: chunked\r\n\r\nd\r\nconcurrency=5\r\n",
            ]
            for beginning in beginnings {
                let request = Data((head + beginning).utf8)
                let answer = try await RawConnection.exchange(request, at: desk.address)
                #expect(answer.isEmpty || answer.hasPrefix("HTTP/1.1 400 "), "\(beginning): \(answer)")
                #expect(!answer.contains("Something went wrong"))
                try RawConnection(to: desk.address, sending: request).hangUp()
            }
            #expect(try await desk.post("/queues/payment/limit", "concurrency=6").status == 303)
            #expect(try await desk.broker.operatorActions().count == 1)
            #expect(try await desk.broker.queue("payment").settings.limits?.concurrency == 6)
        }
    }

    @Test("a number that is none, has no end or is larger than anybody means is refused, and the desk goes on")
    func numbers() async throws {
        try await Desk.with { desk async throws in
            for delay in ["nan", "inf", "-inf", "1e300", "31622401", "-1", "0x1p9999"] {
                let answer = try await desk.post("/send", "to=queue%20refunds&body=%7B%7D&delay=\(delay)")
                #expect(answer.status == 422 && answer.text.contains("This is no number of seconds."), "\(delay)")
            }
            for rate in ["nan", "inf", "-inf", "1e300", "-0", "0"] {
                #expect(try await desk.post("/queues/payment/limit", "rate=\(rate)").status == 400, "\(rate)")
                let redrive = try await desk.post("/dead/redrive", "all=yes&expected=0&through=0&sure=yes&rate=\(rate)")
                #expect(redrive.status == 400, "\(rate)")
                #expect(try await desk.post("/actions/1/limit", "rate=\(rate)").status == 400, "\(rate)")
            }
            #expect(try await desk.broker.statistics().allSatisfy { $0.appended == 0 })
            #expect(try await desk.broker.operatorActions().isEmpty)
        }
    }

    @Test("a form in which a field stands twice is refused, and changes nothing")
    func twice() async throws {
        try await Desk.with { desk async throws in
            let forms = [
                ("/queues/payment/limit", "concurrency=5&concurrency=6"),
                ("/send", "to=queue%20refunds&to=queue%20stock&body=%7B%7D"),
                ("/send", "to=queue%20refunds&body=1&body=2"),
                ("/dead/redrive", "all=yes&expected=0&expected=1&sure=yes"),
            ]
            for (path, form) in forms {
                let answer = try await desk.post(path, form)
                #expect(answer.status == 400 && answer.text.contains("is there twice"), "\(path): \(answer.status)")
            }
            #expect(try await desk.broker.statistics().allSatisfy { $0.appended == 0 })
            #expect(try await desk.broker.operatorActions().isEmpty)
        }
    }

    @Test("a text that the database can't hold is refused, in the query, in a form and in a path")
    func nul() async throws {
        try await Desk.with { desk async throws in
            for path in ["/dead?reason=%00", "/messages?q=a%00b", "/timeline?key=%00", "/audit?queue=%00"] {
                #expect(try await desk.send(.GET, path).status == 400, "\(path)")
            }
            #expect(try await desk.post("/send", "to=queue%20refunds&body=%7B%7D&key=%00").status == 400)
            #expect(try await desk.send(.GET, "/queues/a%00b/purge").status == 404)
            #expect(try await desk.post("/queues/a%00b/pause", "").status == 404)
        }
    }

    @Test("an action that can't begin is told as what it is, and nobody is sent away as if it were done")
    func brokenErrands() async throws {
        try await Desk.with { desk async throws in
            try await desk.kill(2)
            let counted = try await desk.counted()
            try await desk.broker.send((0..<3).map { Outgoing("\($0)") }, to: Queue<String>("payment"))
            try await desk.database.script(
                """
                CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not today'; END $$;
                CREATE TRIGGER refuse BEFORE INSERT ON mq.operator_actions FOR EACH ROW EXECUTE FUNCTION refuse();
                """)
            for (path, form) in [
                ("/dead/redrive", "queue=payment&\(counted)&sure=yes"),
                ("/dead/purge", "queue=payment&\(counted)&sure=yes"),
                ("/queues/payment/purge", "sure=yes&again=payment"),
            ] {
                let answer = try await desk.post(path, form)
                #expect(answer.status == 503, "\(path): \(answer)")
                #expect(answer.text.contains("The database does not do this now."), "\(path): \(answer)")
            }
            #expect(try await desk.broker.statistics(of: "payment").depth == 3)
            #expect(try await desk.broker.deadLetterCount() == 2)
        }
    }

    @Test("while its server is read-only, what changes something is 503, and says when it is worth trying again")
    func readOnlyServer() async throws {
        try await OwnServer.with { server in
            let database = Database(server.conninfo)
            try await Migrator.shop.run(on: database)
            try await Broker(database).declare(Topology.shop)
            let environment = ["DATABASE_URL": server.conninfo, "LOG_LEVEL": "critical"]
            try await TestProcess.with("shop-desk", environment: environment) { process in
                let desk = Desk(
                    address: process.addresses["address"] ?? "", process: process, broker: Broker(database),
                    database: database)
                #expect(try await desk.post("/queues/payment/pause", "").status == 303)
                try await server.refuseWrites(true)
                let refused = try await desk.post("/queues/payment/resume", "")
                #expect(refused.status == 503 && refused.headers["Retry-After"] == ["2"], "\(refused)")
                try await server.refuseWrites(false)
                try await eventually("it is resumed") {
                    try await desk.post("/queues/payment/resume", "").status == 303
                }
            }
            await database.close()
        }
    }
}
