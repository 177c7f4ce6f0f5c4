import Foundation
import TestSupport
import Testing

extension OrderAPITests {
    @Suite("nonsense doesn't take it down")
    struct NonsenseTests {
        @Test("garbage, alone or behind a good request, costs at most its own connection")
        func garbage() async throws {
            try await API.with { api in
                let noise = Data((0..<4096).map { _ in UInt8.random(in: 0...255) })
                let good = Data(Self.request.utf8)
                let pieces: [Data] = [
                    noise, good + noise, Data("GET\r\n\r\n".utf8), Data("\r\n\r\n\r\n".utf8), Data(count: 1000),
                    Data("POST /orders HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n".utf8),
                    Data(
                        "POST /orders HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello".utf8),
                    Data("POST /orders HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".utf8),
                    Data("POST /orders HTTP/9.9\r\nHost: a\r\n\r\n".utf8),
                    Data("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8),
                    Data("\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}".utf8),
                    Data("GET /products HTTP/1.1\r\nHost: a\r\nX: \u{0}\r\n\r\n".utf8),
                ]
                for piece in pieces {
                    let answer = try await RawConnection.exchange(piece, at: api.address)
                    #expect(answer.isEmpty || answer.hasPrefix("HTTP/1.1 "), "\(answer.prefix(80))")
                    #expect(!answer.contains(" 500 "))
                }
                #expect(try await api.order().status == 202)
            }
        }

        @Test("requests sent in one go are answered in their order")
        func pipelined() async throws {
            try await API.with { api in
                let paths = ["/health/live", "/products", "/nothing", "/health/live"]
                let last = "GET /openapi.yaml HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
                let requests = paths.map { "GET \($0) HTTP/1.1\r\nHost: localhost\r\n\r\n" }.joined() + last
                let answer = try await RawConnection.exchange(Data(requests.utf8), at: api.address)
                let statuses = answer.matches(of: /HTTP\/1\.1 (\d+)/).map { String($0.1) }
                #expect(statuses == ["200", "200", "404", "200", "200"])
            }
        }

        @Test("an answer to HEAD has no body, which would be taken for the next answer")
        func head() async throws {
            try await API.with { api in
                let requests = "HEAD /products HTTP/1.1\r\nHost: a\r\n\r\nHEAD /nothing HTTP/1.1\r\nHost: a\r\n\r\n"
                let answer = try await RawConnection.exchange(Data(requests.utf8), at: api.address)
                #expect(answer.hasPrefix("HTTP/1.1 200 "))
                #expect(answer.contains("\r\n\r\nHTTP/1.1 404 ") && answer.hasSuffix("\r\n\r\n"), "\(answer)")
            }
        }

        @Test("huge and countless headers are refused")
        func headers() async throws {
            try await API.with { api in
                let large = "GET /products HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "x", count: 1 << 20))\r\n\r\n"
                let many =
                    "GET /products HTTP/1.1\r\nHost: a\r\n" + String(repeating: "X: y\r\n", count: 200_000) + "\r\n"
                let path = "GET /orders/\(String(repeating: "a", count: 1 << 20)) HTTP/1.1\r\nHost: a\r\n\r\n"
                for request in [large, many, path] {
                    let answer = try await RawConnection.exchange(Data(request.utf8), at: api.address)
                    #expect(!answer.contains(" 200 ") && !answer.contains(" 500 "), "\(answer.prefix(80))")
                }
                #expect(try await api.order().status == 202)
            }
        }

        @Test("bodies that never come to an end hold nobody else up")
        func slowBodies() async throws {
            try await API.with { api in
                let head =
                    "POST /orders HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"
                let stalled = try (0..<200).map { _ in try RawConnection(to: api.address, sending: Data(head.utf8)) }
                let answers = try await Load(api: api, name: "beside").submit(100, connections: 8)
                #expect(answers.values.count { $0.status == 202 } == 100)
                #expect(try await api.get("/health/ready").status == 200)
                for connection in stalled { connection.hangUp() }
                #expect(try await api.order().status == 202)
                #expect(try await api.database.orderCount() == 101)
            }
        }

        @Test(
            "a customer who hangs up in the middle of a body is no error of ours: nothing is logged, nobody is answered 500"
        )
        func hangUp() async throws {
            let log = "/tmp/shoeshop-api-\(UUID().uuidString).log"
            defer { try? FileManager.default.removeItem(atPath: log) }
            try await TestDatabase.with(.emptyShop) { database in
                try await API.with(database, log: log) { api in
                    let length = "POST /orders HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                    for body in ["Content-Length: 500\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n5\r\n{"] {
                        // Once says goodbye and listens on, once is simply gone.
                        let answer = try await RawConnection.exchange(Data((length + body).utf8), at: api.address)
                        #expect(!answer.contains(" 500 "), "\(answer)")
                        try RawConnection(to: api.address, sending: Data((length + body).utf8)).hangUp()
                    }
                    #expect(try await api.order().status == 202)
                }
            }
            let text = try String(contentsOfFile: log, encoding: .utf8)
            #expect(text.contains("listening"))
            #expect(!text.contains("failed") && !text.lowercased().contains("error"), "\(text)")
        }

        private static let request = "GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
    }
}
