import AsyncHTTPClient
import Foundation
import MessageQueue
import NIOCore
import NIOHTTP1
import Postgres
import TestSupport
import Testing

extension DeskTests {
    @Test("a form of another site changes nothing, nor does one that says nothing of where it comes from")
    func crossSite() async throws {
        try await Desk.with { desk async throws in
            let host = desk.address.replacing("http://", with: "")
            let refused: [HTTPHeaders] = [
                [:], ["Sec-Fetch-Site": "cross-site"], ["Sec-Fetch-Site": "same-site"], ["Origin": "null"],
                ["Origin": "http://evil.example"], ["Origin": "http://localhost:1"],
                ["Sec-Fetch-Site": "cross-site", "Origin": "http://\(host)"],
            ]
            for headers in refused {
                #expect(try await desk.post("/queues/payment/pause", "", headers).status == 403, "\(headers)")
            }
            #expect(try await desk.broker.operatorActions().isEmpty)
            #expect(try await desk.post("/queues/payment/pause", "", ["Origin": "http://\(host)"]).status == 303)
        }
    }

    @Test(
        "under a name that is not this machine's nothing is answered: a site that lets its name point here gets nothing"
    )
    func rebinding() async throws {
        try await Desk.with { desk async throws in
            for host in ["evil.example", "evil.example:8070", "127.0.0.1.evil.example", "localhost.evil.example"] {
                let answer = try await desk.send(.GET, "/", headers: ["Host": host])
                #expect(answer.status == 421 && !answer.text.contains("payment"), "\(host)")
            }
            for host in ["localhost", "LOCALHOST:9", "127.0.0.1:80", "[::1]:80"] {
                #expect(try await desk.send(.GET, "/", headers: ["Host": host]).status == 200, "\(host)")
            }
        }
    }

    @Test("with tokens, too, a desk on a loopback address has the names of this machine, or those that it was given")
    func names() async throws {
        let token = ["OPERATOR_TOKEN": "operators-have-this-one"]
        let login = "Basic " + Data("ada:operators-have-this-one".utf8).base64EncodedString()
        for (settings, known, unknown) in [
            ([:], ["localhost", "127.0.0.1:80"], ["evil.example", "desk.example"]),
            (["HOSTS": "desk.example, [FE80::1]"], ["DESK.example:443", "[fe80::1]"], ["evil.example", "localhost"]),
        ] as [([String: String], [String], [String])] {
            try await Desk.with(token.merging(settings) { $1 }) { desk async throws in
                for (hosts, status) in [(known, 200), (unknown, 421)] {
                    for host in hosts {
                        let answer = try await desk.send(.GET, "/", headers: ["Host": host, "Authorization": login])
                        #expect(answer.status == status, "\(host)")
                    }
                }
            }
        }
    }

    @Test("names with a port or a scheme are refused at the start, and names beyond this machine without a token")
    func refusedNames() async throws {
        try await TestDatabase.with(.desk) { database in
            let token = ["DATABASE_URL": database.conninfo, "PORT": "0", "OPERATOR_TOKEN": "operators-have-this-one"]
            let open = ["DATABASE_URL": database.conninfo, "PORT": "0", "HOSTS": "localhost,desk.example"]
            let wrong = ["desk.example:443", "https://desk.example", ",", "*.example"]
            for environment in wrong.map({ token.merging(["HOSTS": $0]) { $1 } }) + [open] {
                let end = try await TestProcess.end(of: "shop-desk", [], environment: environment)
                #expect(end.status == 64 && end.complaint.contains("HOSTS: "), "\(environment): \(end)")
            }
        }
    }

    @Test(
        "every answer says that nothing but the desk's own style and script may be used, and that nobody may frame it")
    func headers() async throws {
        try await Desk.with { desk async throws in
            for path in [
                "/", "/desk.css", "/desk.js", "/desk.svg", "/send", "/orders", "/queues/nowhere", "/messages/none",
            ] {
                let headers = try await desk.send(.GET, path).headers
                let policy = headers["Content-Security-Policy"].first ?? ""
                #expect(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "\(path)")
                #expect(!policy.contains("unsafe-inline"))
                #expect(headers["X-Content-Type-Options"] == ["nosniff"])
            }
            let page = try await desk.page("/")
            #expect(!page.contains(" style=") && !page.contains(" onclick=") && !page.contains("http://"))
        }
    }

    @Test("what is too large, no form or no field of its kind is refused, and paths lead nowhere else")
    func nonsense() async throws {
        try await Desk.with { desk async throws in
            let large = "concurrency=" + String(repeating: "1", count: 1_100_000)
            #expect(try await desk.post("/queues/payment/limit", large).status == 413)
            let json = [("Content-Type", "application/json"), ("Sec-Fetch-Site", "same-origin")]
            #expect(
                try await desk.send(.POST, "/queues/payment/limit", "{}", headers: HTTPHeaders(json)).status == 415)
            #expect(try await desk.post("/dead/redrive", "ticket=x&sure=yes").status == 400)
            for path in ["/../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/messages/..%2f..%2fetc", "/queues/%00"] {
                let answer = try await desk.send(.GET, path)
                #expect((400..<500).contains(answer.status) && !answer.text.contains("root:"), "\(path)")
            }
        }
    }

    @Test("with tokens nobody reads without one, a viewer changes nothing, and an operator is recorded by name")
    func tokens() async throws {
        let environment = [
            "OPERATOR_TOKEN": "operators-have-this-one", "VIEWER_TOKEN": "viewers-have-only-this-one",
        ]
        try await Desk.with(environment) { desk async throws in
            func headers(_ name: String, _ token: String) -> HTTPHeaders {
                [
                    "Authorization": "Basic " + Data("\(name):\(token)".utf8).base64EncodedString(),
                    "Sec-Fetch-Site": "same-origin",
                ]
            }
            let nobody = try await desk.send(.GET, "/")
            #expect(nobody.status == 401 && nobody.headers["WWW-Authenticate"].first?.hasPrefix("Basic") == true)
            #expect(try await desk.send(.GET, "/live").status == 401)
            #expect(try await desk.send(.GET, "/", headers: headers("ada", "operators-have-this-onf")).status == 401)
            let viewer = headers("bob", "viewers-have-only-this-one")
            #expect(try await !desk.page("/queues/payment", viewer).contains("Pause deliveries"))
            #expect(try await desk.post("/queues/payment/pause", "", viewer).status == 403)
            for path in ["scheduled/hasten", "scheduled/cancel", "hasten"] {
                let forbidden = try await desk.post("/queues/payment/\(path)", "receipt=s.1.2.3&sure=yes", viewer)
                #expect(forbidden.status == 403, "\(path)")
                let preview = "/queues/payment/\(path)?receipt=s.1.2.3"
                #expect(try await desk.send(.GET, preview, headers: viewer).status == 403, "\(path)")
            }
            #expect(try await desk.send(.GET, "/dead/purge", headers: viewer).status == 403)
            let `operator` = headers("ada", "operators-have-this-one")
            #expect(try await desk.post("/queues/payment/pause", "", `operator`).status == 303)
            #expect(try await desk.broker.operatorActions().map(\.by?.name) == ["ada"])
        }
    }

    @Test("of many wrong tokens at once ten wait for their answer, others are turned away, and the right one comes in")
    func guesses() async throws {
        try await Desk.with(["OPERATOR_TOKEN": "operators-have-this-one"]) { desk async throws in
            @Sendable func status(_ token: String) async throws -> Int {
                let login = "Basic " + Data("ada:\(token)".utf8).base64EncodedString()
                return try await desk.send(.GET, "/", headers: ["Authorization": login]).status
            }
            let statuses = try await withThrowingTaskGroup(of: Int.self, returning: [Int].self) { group in
                for number in 0..<30 { group.addTask { try await status("operators-have-another-\(number)") } }
                var statuses: [Int] = []
                for try await answer in group {
                    // The first that is turned away tells that all places are taken.
                    if answer == 429, !statuses.contains(429) {
                        #expect(try await status("operators-have-this-one") == 200)
                    }
                    statuses.append(answer)
                }
                return statuses
            }
            #expect(statuses.count { $0 == 401 } >= 10 && statuses.contains(429), "\(statuses)")
            #expect(statuses.allSatisfy { [401, 429].contains($0) }, "\(statuses)")
        }
    }

    @Test("with tokens of viewers alone they read, and nobody changes anything, on a loopback address either")
    func viewersAlone() async throws {
        try await Desk.with(["VIEWER_TOKEN": "viewers-have-only-this-one"]) { desk async throws in
            let login = "Basic " + Data("bob:viewers-have-only-this-one".utf8).base64EncodedString()
            let viewer: HTTPHeaders = ["Authorization": login, "Sec-Fetch-Site": "same-origin"]
            #expect(try await desk.send(.GET, "/").status == 401)
            #expect(try await desk.post("/queues/payment/pause", "").status == 401)
            #expect(try await desk.page("/queues/payment", viewer).contains("You may read here, and change nothing."))
            #expect(try await desk.post("/queues/payment/pause", "", viewer).status == 403)
            #expect(try await desk.broker.operatorActions().isEmpty)
        }
    }

    @Test("whoever brings somebody's own token is recorded as its owner, whatever user name they type")
    func owners() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "desk-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "tokens").path
        // Of Ada's the file has the digest alone.
        let digest = "99e2519158c705d1cbfd70b8cc406f0c8ad9b4c2f462853538ac4936ebab746f"
        try "ada=sha256:\(digest)\n\nbob=bob-alone-has-this-one\n"
            .write(toFile: file, atomically: true, encoding: .utf8)
        try await Desk.with(["OPERATOR_TOKEN_FILE": file]) { desk async throws in
            for (path, token) in [
                ("/queues/payment/pause", "ada-alone-has-this-one"),
                ("/queues/payment/resume", "bob-alone-has-this-one"),
            ] {
                let login = "Basic " + Data("root:\(token)".utf8).base64EncodedString()
                let answer = try await desk.post(
                    path, "", ["Authorization": login, "Sec-Fetch-Site": "same-origin"])
                #expect(answer.status == 303, "\(answer)")
            }
            #expect(try await desk.broker.operatorActions().map(\.by?.name) == ["bob", "ada"])
            for shown in [digest, "sha256:\(digest)", "ada=sha256:\(digest)"] {
                let login = "Basic " + Data("ada:\(shown)".utf8).base64EncodedString()
                #expect(try await desk.send(.GET, "/", headers: ["Authorization": login]).status == 401, "\(shown)")
            }
        }
    }

    @Test("tokens are taken from files; what fails is logged, under a number that the page tells, and no token ever is")
    func logged() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "desk-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "token").path
        let log = folder.appending(path: "log").path
        try "operators-have-this-one\n".write(toFile: file, atomically: true, encoding: .utf8)
        try await Desk.with(["OPERATOR_TOKEN_FILE": file, "LOG_LEVEL": "info"], log: log) { desk async throws in
            func headers(_ token: String) -> HTTPHeaders {
                ["Authorization": "Basic " + Data("ada:\(token)".utf8).base64EncodedString()]
            }
            #expect(try await desk.send(.GET, "/audit", headers: headers("operators-have-this-onf")).status == 401)
            #expect(try await desk.send(.GET, "/audit", headers: headers("operators-have-this-one")).status == 200)
            try await desk.database.script("ALTER TABLE mq.operator_actions RENAME TO away")
            let failed = try await desk.send(.GET, "/audit?by=bob", headers: headers("operators-have-this-one"))
            #expect(failed.status == 503 && !failed.text.contains("operator_actions"))
            let id = try #require(failed.text.firstMatch(of: /under ([0-9a-f]+)\./)?.output.1)
            let lines = try String(contentsOfFile: log, encoding: .utf8)
            #expect(lines.contains("a log-in at the desk failed") && lines.contains("peer=127.0.0.1"))
            #expect(lines.contains("id=\(id)") && lines.contains("operator_actions"))
            #expect(!lines.contains("operators-have"))
        }
    }

    @Test("clients that begin a request and never end it, or take in nothing of the stream, hold nobody up")
    func slowClients() async throws {
        try await Desk.with(["CLIENT_TIMEOUT": "2s"]) { desk async throws in
            // A connection that was quiet meanwhile may be hung up on at the moment of the next request.
            @Sendable func isServed(_ path: String, with text: String) async -> Bool {
                (try? await desk.page(path).contains(text)) == true
            }
            let requests = [
                "GET / HT", "POST /queues/payment/pause HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nx",
                String(repeating: "GET /desk.css HTTP/1.1\r\nHost: localhost\r\n\r\n", count: 3000),
            ]
            let before = desk.process.sockets
            try await SlowClient.with(900, to: desk.address, saying: { requests[$0 % 40 == 0 ? 2 : $0 % 2] }) { _ in
                try await eventually("others are served") { await isServed("/", with: "payment") }
                try await eventually("they are hung up on") { desk.process.sockets < before + 50 ? () : nil }
            }
            try await eventually("nothing has come of it") {
                await isServed("/audit", with: "Nobody has changed anything yet.")
            }
        }
    }

    @Test("without a token the desk refuses to listen where others can reach it, and so it does with a short one")
    func open() async throws {
        try await TestDatabase.with(.desk) { database in
            for setting in [["HOST": "0.0.0.0"], ["OPERATOR_TOKEN": "short"]] {
                let environment = ["DATABASE_URL": database.conninfo, "PORT": "0"].merging(setting) { $1 }
                let end = try await TestProcess.end(of: "shop-desk", [], environment: environment)
                #expect(end.status == 64 && end.complaint.contains("OPERATOR_TOKEN: "), "\(end)")
            }
        }
    }
}

extension Desk {
    /// The stream of events, as it begins.
    func events(_ path: String = "/live") async throws -> HTTPClientResponse {
        try await HTTPClient.shared.execute(HTTPClientRequest(url: address + path), timeout: .seconds(60))
    }
}
