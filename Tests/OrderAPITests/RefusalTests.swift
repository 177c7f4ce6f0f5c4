import Foundation
import NIOHTTP1
import Testing

extension OrderAPITests {
    @Suite("refusing what is wrong")
    struct RefusalTests {
        @Test("what isn't there is 404: an unknown order, a name that is no UUID, another path")
        func notFound() async throws {
            try await API.with { api in
                for id in [UUID().uuidString, UUID().uuidString.lowercased(), "42", "%00", "'; --", "null"] {
                    let id = id.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed) ?? id
                    for path in ["/orders/\(id)", "/orders/\(id)/events", "/orders/\(id)/invoice"] {
                        let answer = try await api.get(path)
                        #expect(answer.status == 404)
                        #expect(try answer.problem().title == "There is no such order.")
                    }
                }
                for path in ["/parcels", "/order", "/orders/a/b", "/orders/a/events/1", "/health", "/..%2fetc/passwd"] {
                    let answer = try await api.get(path)
                    #expect(answer.status == 404, "\(path)")
                    #expect(try answer.problem().title == "There is nothing at this path.")
                }
                let answer = try await api.send(.POST, "/parcels", Form.good)
                #expect(answer.status == 404)
            }
        }

        @Test("a method that a path does not have is 405, and the answer tells the right one")
        func methods() async throws {
            try await API.with { api in
                let paths = [
                    ("/orders", "POST"), ("/orders/\(UUID())", "GET"), ("/orders/\(UUID())/events", "GET"),
                    ("/orders/\(UUID())/invoice", "GET"), ("/products", "GET"), ("/openapi.yaml", "GET"),
                    ("/metrics", "GET"), ("/health/live", "GET"), ("/health/ready", "GET"), ("/products/", "GET"),
                ]
                let methods: [HTTPMethod] = [.GET, .POST, .PUT, .PATCH, .DELETE, .OPTIONS, .TRACE, .PROPFIND]
                for (path, allowed) in paths {
                    let told = allowed == "GET" ? "GET, HEAD" : allowed
                    for method in methods where method.rawValue != allowed {
                        let answer = try await api.send(method, path)
                        #expect(answer.status == 405, "\(method) \(path)")
                        #expect(answer.header("Allow") == [told])
                        _ = try answer.problem()
                    }
                    let head = try await api.send(.HEAD, path)
                    let same = allowed == "GET" ? try await api.get(path).status : 405
                    #expect(head.status == same && head.body.isEmpty, "\(path)")
                    #expect(head.header("Allow") == (same == 405 ? [told] : []))
                }
                #expect(try await api.database.orderCount() == 0)
            }
        }

        @Test("a body that doesn't say that it is JSON is 415")
        func mediaTypes() async throws {
            try await API.with { api in
                let types: [String?] = [
                    nil, "", "text/plain", "application/x-www-form-urlencoded", "application/jsonp",
                ]
                for type in types {
                    let headers = type.map { HTTPHeaders([("Content-Type", $0)]) } ?? [:]
                    let answer = try await api.send(.POST, "/orders", Form.good, headers)
                    #expect(answer.status == 415, "\(type ?? "none")")
                    _ = try answer.problem()
                }
            }
        }

        @Test(
            "a body of more than 64 KiB is 413, with a length ahead or in chunks; 64 KiB are read",
            arguments: [false, true])
        func size(isStreamed: Bool) async throws {
            try await API.with { api in
                func send(bytes: Int) async throws -> Answer {
                    let body = Form.good + String(repeating: " ", count: bytes - Form.good.utf8.count)
                    return try await api.send(
                        .POST, "/orders", body, ["Content-Type": "application/json"], isStreamed: isStreamed)
                }
                #expect(try await send(bytes: 65_536).status == 202)
                for bytes in [65_537, 1 << 20] {
                    let answer = try await send(bytes: bytes)
                    #expect(answer.status == 413)
                    #expect(try answer.problem().title == "The body may have 64 KiB at most.")
                }
                #expect(try await api.order().status == 202)
            }
        }

        @Test("a body that is no JSON is 400 and says where")
        func brokenJSON() async throws {
            try await API.with { api in
                for body in ["", "{", "lines=1", #"{"a": }"#, "\u{FEFF}", Form.good + "}", "nul"] {
                    let answer = try await api.order(body)
                    #expect(answer.status == 400, "\(body): \(answer.text)")
                    #expect(try answer.problem().title == "The body is no JSON.")
                }
                // Other parsers take the one, or the other value of two.
                let open = String(Form.good.dropLast())
                for body in [open + ",}", open + #","lines":[]}"#] {
                    let answer = try await api.order(body)
                    #expect(answer.status == 400, "\(body): \(answer.text)")
                    #expect(try answer.problem().detail?.hasPrefix("There is ") == true)
                }
                let deep = String(repeating: "[", count: 30_000)
                #expect(try await api.order(deep).status == 400)
                #expect(try await api.database.orderCount() == 0)
            }
        }

        @Test("every wrong field of an order is named in one 422")
        func fields() async throws {
            try await API.with { api in
                let answer = try await api.order(
                    #"""
                    {"customer": {"name": "", "email": "lena"}, "address": {"recipient": "L", "street": 7,
                     "city": " Leipzig", "country": "de"},
                     "lines": [{"sku": "A-1", "quantity": 21}, 4, {"sku": "A-1", "quantity": 1}], "paymentToken": "visa"}
                    """#)
                #expect(answer.status == 422)
                #expect(
                    try answer.problem().errors?.map(\.pointer).sorted() == [
                        "/address/city", "/address/country", "/address/postcode", "/address/street", "/customer/email",
                        "/customer/name", "/lines/0/quantity", "/lines/1", "/lines/2/sku", "/paymentToken",
                    ])
                for body in ["[]", "7", "null", #""text""#] {
                    let answer = try await api.order(body)
                    #expect(answer.status == 422)
                    #expect(try answer.problem().errors?.map(\.pointer) == [""], "\(body)")
                }
                #expect(try await api.database.orderCount() == 0)
            }
        }

        @Test("an idempotency key that is none is 400")
        func keys() async throws {
            try await API.with { api in
                for key in ["", "two words", "schlüssel", String(repeating: "k", count: 201)] {
                    let answer = try await api.order(key: key)
                    #expect(answer.status == 400, "\(key)")
                    #expect(try answer.problem().title.contains("Idempotency-Key"))
                }
                #expect(try await api.order(key: String(repeating: "k", count: 200)).status == 202)
            }
        }
    }
}
