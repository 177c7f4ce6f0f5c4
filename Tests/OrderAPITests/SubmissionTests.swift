import Foundation
import NIOHTTP1
import Testing

extension OrderAPITests {
    @Suite("accepting an order")
    struct SubmissionTests {
        private struct Order: Decodable {
            struct Line: Decodable, Equatable {
                let sku: String
                let name: String?
                let quantity: Int
                let unitPrice: Int?
            }

            let id: String
            let status: String
            let placedAt: Date
            let lines: [Line]
            let currency: String
            let total: Int?
        }

        private struct Event: Decodable {
            let milestone: String
            let at: Date
        }

        @Test("an order is answered with 202 and where to follow it, and can be read at once")
        func accepted() async throws {
            try await API.with { api in
                let answer = try await api.order()
                #expect(answer.status == 202 && answer.type == "application/json")
                let id = try answer.orderID()
                #expect(answer.text == #"{"id":"\#(id)","status":"received"}"#)
                #expect(answer.header("Location") == ["/orders/\(id)"])

                let order: Order = try await api.get("/orders/\(id)").json()
                #expect(order.id == id && order.status == "received" && order.currency == "EUR" && order.total == nil)
                #expect(
                    order.lines == [
                        .init(sku: "RUNNER-42-TAN", name: "Meridian Runner", quantity: 2, unitPrice: nil),
                        .init(sku: "COURT-42-RED", name: nil, quantity: 1, unitPrice: nil),
                    ])
                let events: [Event] = try await api.get("/orders/\(id)/events").json()
                #expect(events.map(\.milestone) == ["received"])
                #expect(abs(order.placedAt.timeIntervalSinceNow) < 60 && events[0].at == order.placedAt)
                let invoice = try await api.get("/orders/\(id)/invoice")
                #expect(try invoice.problem().detail == "Invoices are issued once paid.")
                #expect(invoice.status == 404)
            }
        }

        @Test("texts of an order arrive as they were sent, whatever the script")
        func scripts() async throws {
            struct Customer: Decodable { let name: String }
            struct Order: Decodable { let customer: Customer }
            try await API.with { api in
                for name in ["Ørjan Æ", "山田 太郎", "O'Brien\\", #"Robert\"); DROP TABLE x;--"#, "👟"] {
                    let escaped = name.replacing("\\", with: "\\\\").replacing("\\\\\"", with: "\\\"")
                    let body = Form.good.replacing(#""name": "Lena Schneider""#, with: #""name": "\#(escaped)""#)
                    let id = try await api.order(body).orderID()
                    let order: Order = try await api.get("/orders/\(id)").json()
                    #expect(order.customer.name == name.replacing("\\\"", with: "\""))
                }
            }
        }

        @Test("GET /products answers the catalogue, with prices in cents")
        func products() async throws {
            try await API.with { api in
                let answer = try await api.get("/products")
                #expect(answer.status == 200 && answer.type == "application/json")
                #expect(
                    answer.text == """
                        [{"colour":"tan","name":"Meridian Runner","price":8490,"size":42,"sku":"RUNNER-42-TAN"}]
                        """)
            }
        }

        @Test("a media type with parameters or in capitals is JSON as well")
        func mediaTypes() async throws {
            try await API.with { api async throws in
                for type in ["application/json; charset=utf-8", "Application/JSON", "application/json ;x=1"] {
                    #expect(try await api.send(.POST, "/orders", Form.good, ["Content-Type": type]).status == 202)
                }
            }
        }

        @Test("a body without Content-Length is read as well")
        func chunked() async throws {
            try await API.with { api in
                let answer = try await api.send(
                    .POST, "/orders", Form.good, ["Content-Type": "application/json"], isStreamed: true)
                #expect(answer.status == 202)
            }
        }

        @Test("two processes accept orders over one database, and read each other's")
        func twoProcesses() async throws {
            try await API.with { one in
                try await API.with(one.database) { other in
                    let ids = try await withThrowingTaskGroup(of: String.self) { group in
                        for number in 0..<60 {
                            let api = number.isMultiple(of: 2) ? one : other
                            // Half of the keys are met by both.
                            group.addTask { try await api.order(key: "order-\(number / 4)").orderID() }
                        }
                        return try await group.reduce(into: Set()) { $0.insert($1) }
                    }
                    #expect(ids.count == 15)
                    for id in ids {
                        #expect(try await one.get("/orders/\(id)").status == 200)
                        #expect(try await other.get("/orders/\(id)").status == 200)
                    }
                    #expect(try await one.database.orderCount() == 15)
                    #expect(try await one.database.torn() == 0)
                }
            }
        }
    }
}
