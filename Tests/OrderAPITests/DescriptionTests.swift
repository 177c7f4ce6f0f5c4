import Foundation
import NIOHTTP1
import Postgres
import Testing

extension OrderAPITests {
    @Suite("openapi.yaml")
    struct DescriptionTests {
        @Test("openapi.yaml is served, and its routes answer every status that it documents, and no other one")
        func isTrue() async throws {
            try await API.with { api in
                let answer = try await api.get("/openapi.yaml")
                #expect(answer.status == 200 && answer.type == "application/yaml")
                let document = Document(yaml: answer.text)
                #expect(document.operations.count == 11)

                let accepted = try await api.order(key: "used")
                let id = try accepted.orderID()
                let token = try accepted.customerToken()
                try await api.database.execute(
                    """
                    INSERT INTO orders.invoices (order_id, number, issued_at, html)
                    SELECT id, 'INV-1', now(), '<p>Invoice' FROM orders.orders
                    """)
                let ends = try await api.orders(in: ["dispatched", "cancelled"])
                for operation in document.operations {
                    var seen: Set<Int> = []
                    for call in Call.all(of: operation, order: id, token: token, ends: ends) {
                        let answer = try await api.send(call.method, call.path, call.body, call.headers)
                        seen.insert(answer.status)
                        if answer.status >= 400 { _ = try answer.problem() }
                        let types = operation.types[answer.status, default: ["application/problem+json"]]
                        let type = answer.type?.split(separator: ";").first.map(String.init) ?? ""
                        #expect(types.contains(type), "\(call.path) \(answer.status) \(type)")
                    }
                    // 503 belongs to the tests of a database that is away.
                    #expect(seen == operation.statuses.subtracting([503]), "\(operation.method) \(operation.path)")
                }
            }
        }

        @Test("the example submission of openapi.yaml is accepted, and its limits are those of the form")
        func limits() async throws {
            try await API.with { api in
                let yaml = try await api.get("/openapi.yaml").text
                let lines = #"[{"sku": "RUNNER-42-TAN", "quantity": 1}]"#
                let example = Form.good.replacing(/"lines": \[.*\]/, with: #""lines": \#(lines)"#)
                #expect(yaml.contains("sku: RUNNER-42-TAN, quantity: 1") && yaml.contains("paymentToken: tok_visa_1"))
                #expect(try await api.order(example).status == 202)

                #expect(yaml.contains("maxItems: 50") && yaml.contains("maximum: 20"))
                for (count, quantity, status) in [(50, 20, 202), (51, 1, 422), (1, 21, 422), (0, 1, 422)] {
                    let lines = (0..<count).map { #"{"sku": "A-\#($0)", "quantity": \#(quantity)}"# }
                    let body = Form.good.replacing(
                        /"lines": \[.*\]/, with: #""lines": [\#(lines.joined(separator: ","))]"#)
                    #expect(try await api.order(body).status == status, "\(count) lines of \(quantity)")
                }
            }
        }
    }
}

/// A request that shows one of an operation's answers.
private struct Call {
    let method: HTTPMethod
    let path: String
    var body: String?
    var headers: HTTPHeaders = [:]

    static func all(
        of operation: Document.Operation, order id: String, token: String, ends: [String]
    ) -> [Call] {
        let path = operation.path.replacing("{id}", with: id)
        let unknown = operation.path.replacing("{id}", with: UUID().uuidString)
        let others: [HTTPMethod] = [.GET, .POST, .PUT, .DELETE].filter { $0 != operation.method }
        let ended = ends.map { operation.path.replacing("{id}", with: $0) }
        return ([unknown, path] + ended).map { Call(method: operation.method, path: $0) }
            + others.map { Call(method: $0, path: path) }
            + (operation.path == "/orders" ? submissions : [])
            + (operation.path.hasSuffix("/events") ? follow(path, token) : [])
            + (operation.isOfOperators ? [Call(method: .GET, path: path, headers: ["Host": "shop.example"])] : [])
    }

    private static func follow(_ path: String, _ token: String) -> [Call] {
        let customer = HTTPHeaders([("Authorization", "Bearer \(token)")])
        return ["?after=0", "?after=9&wait=0.1", "?after=x", "?wait=soon"].map {
            Call(method: .GET, path: path + $0, headers: customer)
        }
    }

    private static let submissions =
        [
            (Form.good, "new"), (Form.good, "used"), ("{}", "new"), ("{", "new"), (Form.good, "no key"),
            (String(repeating: " ", count: 70_000), "new"), (#"{"lines": 1}"#, "used"),
        ].map { body, key in
            Call(
                method: .POST, path: "/orders", body: body,
                headers: ["Content-Type": "application/json", "Idempotency-Key": key])
        } + [
            Call(
                method: .POST, path: "/orders", body: Form.good,
                headers: ["Content-Type": "application/json", "Authorization": "Bearer nobody's"])
        ]
}

/// The routes of the document. It reads this one file's layout: two spaces deeper at each level, nothing in between.
private struct Document {
    struct Operation {
        let path: String
        let method: HTTPMethod
        var statuses: Set<Int> = []
        /// The media types that are written out beside a status.
        var types: [Int: Set<String>] = [:]

        /// Answered to programs of this machine only.
        var isOfOperators: Bool { path == "/metrics" || path.hasPrefix("/health/") }
    }

    private(set) var operations: [Operation] = []

    init(yaml: String) {
        var path = ""
        var isInPaths = false
        for line in yaml.split(separator: "\n", omittingEmptySubsequences: true) {
            let depth = line.prefix { $0 == " " }.count
            let key = line.dropFirst(depth).prefix { $0 != ":" }.trimmingCharacters(in: ["'"])
            switch depth {
            case 0: isInPaths = key == "paths"
            case 2 where isInPaths: path = key
            case 4 where isInPaths && key != "parameters":
                operations.append(Operation(path: path, method: HTTPMethod(rawValue: key.uppercased())))
            case 8 where isInPaths: note(status: Int(key))
            case 10 where isInPaths && key == "content": note(content: line.split(separator: " ").last ?? "")
            case 12 where isInPaths: note(type: key)
            default: break
            }
        }
    }

    private var status: Int?
    /// The last content that was given a name, and the types of each.
    private var anchor: Substring?
    private var types: [Substring: Set<String>] = [:]

    private mutating func note(content: Substring) {
        anchor = content.hasPrefix("&") ? content.dropFirst() : nil
        guard content.hasPrefix("*") else { return }
        for type in types[content.dropFirst(), default: []] { note(type: type) }
    }

    private mutating func note(status: Int?) {
        self.status = status
        if let status { operations[operations.count - 1].statuses.insert(status) }
    }

    private mutating func note(type: String) {
        guard let status, type.contains("/") else { return }
        operations[operations.count - 1].types[status, default: []].insert(type)
        if let anchor { types[anchor, default: []].insert(type) }
    }
}
