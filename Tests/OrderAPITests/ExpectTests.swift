import Foundation
import TestSupport
import Testing

extension OrderAPITests {
    @Suite("what a client expects before it sends a body")
    struct ExpectTests {
        private func head(_ fields: String, length: Int = Form.good.utf8.count) -> Data {
            Data(
                "POST /orders HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: \(length)\r\n\(fields)\r\n"
                    .utf8)
        }

        @Test("Expect: 100-continue gets its interim answer before the body is sent, and then the answer to the order")
        func interim() async throws {
            try await API.with { api in
                let (first, last) = try await RawConnection.conversation(
                    head("Expect: 100-Continue\r\n"), awaiting: "\r\n\r\n", then: Data(Form.good.utf8), at: api.address)
                #expect(first == "HTTP/1.1 100 Continue\r\n\r\n")
                #expect(last.hasPrefix("HTTP/1.1 202 "), "\(last)")
            }
        }

        @Test("an interim answer does not get between the answers to requests that were sent ahead")
        func pipelined() async throws {
            try await API.with { api in
                let ahead = Data("GET /products HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
                let (first, last) = try await RawConnection.conversation(
                    ahead + ahead + head("Expect: 100-continue\r\n"), awaiting: "100 Continue\r\n\r\n",
                    then: Data(Form.good.utf8), at: api.address)
                #expect(first.components(separatedBy: "HTTP/1.1 200 ").count == 3, "\(first)")
                #expect(last.hasPrefix("HTTP/1.1 202 "), "\(last)")
            }
        }

        @Test("an expectation that nobody knows is refused by 417, and nothing behind it is taken for a request")
        func unknown() async throws {
            try await API.with { api in
                let body = Data("GET /products HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
                let answer = try await RawConnection.exchange(
                    head("Expect: a-miracle\r\n", length: body.count) + body, at: api.address)
                #expect(answer.hasPrefix("HTTP/1.1 417 ") && !answer.contains(" 200 "), "\(answer)")
                #expect(try await api.get("/openapi.yaml").text.contains("is answered with `417`"))
            }
        }

        @Test("a refused expectation is told behind the answers to requests that were sent ahead")
        func refusedBehind() async throws {
            try await API.with { api in
                let ahead = Data("GET /products HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
                let answer = try await RawConnection.exchange(
                    ahead + ahead + head("Expect: a-miracle\r\n"), at: api.address)
                let statuses = answer.matches(of: /HTTP\/1\.1 (\d+)/).map { String($0.output.1) }
                #expect(statuses == ["200", "200", "417"], "\(answer)")
            }
        }
    }
}
