import AsyncHTTPClient
import Foundation
import MessageQueue
import NIOCore
import NIOHTTP1
import Postgres
import ShoeShop
import TestSupport
import Testing

/// Each test opens a whole shop; on a small machine several at once would only starve each other.
@Suite("the shop as real processes", .serialized, .timeLimit(.minutes(10)))
struct SystemTests {}

/// The shop as real processes: providers and API, and whichever workers a test asks for.
struct ShopUnderTest: Sendable {
    let database: Database
    let api: TestProcess
    let sandbox: TestProcess
    let environment: [String: String]

    static let workers = ["order-worker", "stock-worker", "payment-worker", "logistics-worker"]

    /// Opens a shop over a database of its own; `workers` are running, `body` may start more.
    static func with(
        workers: [String] = workers, lease: Duration? = nil,
        _ body: @escaping @Sendable (ShopUnderTest, [TestProcess]) async throws -> Void
    ) async throws {
        try await TestDatabase.with(.openShop) { try await with($0, workers: workers, lease: lease, body) }
    }

    static func with(
        _ database: Database, workers: [String] = workers, lease: Duration? = nil,
        _ body: @escaping @Sendable (ShopUnderTest, [TestProcess]) async throws -> Void
    ) async throws {
        if let lease {
            try await database.execute("UPDATE mq.queues SET lease_ms = $1", Int32(lease / .milliseconds(1)))
        }
        try await TestProcess.withSandbox(conninfo: database.conninfo) { sandbox, environment in
            try await TestProcess.with("order-api", environment: environment) { api in
                let shop = ShopUnderTest(database: database, api: api, sandbox: sandbox, environment: environment)
                try await shop.start(workers[...]) { try await body(shop, $0) }
            }
        }
    }

    /// Runs `body` beside one more process of each name, with these settings beside the shop's.
    func start(
        _ names: ArraySlice<String>, settings: [String: String] = [:], after running: [TestProcess] = [],
        _ body: @escaping @Sendable ([TestProcess]) async throws -> Void
    ) async throws {
        guard let name = names.first else { return try await body(running) }
        try await TestProcess.with(name, environment: environment.merging(settings) { $1 }) { process in
            try await start(names.dropFirst(), settings: settings, after: running + [process], body)
        }
    }

    // MARK: Customers

    /// Submits orders, a few at a time, each until it is accepted.
    func submit(_ count: Int, token: String = "tok_visa") async throws -> [OrderID] {
        try await withThrowingTaskGroup(of: OrderID.self) { group in
            var accepted: [OrderID] = []
            for number in 0..<count {
                if number >= 16, let id = try await group.next() { accepted.append(id) }
                group.addTask { try await submitOne(token: token) }
            }
            for try await id in group { accepted.append(id) }
            return accepted
        }
    }

    /// Asks again while the API or its database is away; the key makes one order of it.
    private func submitOne(token: String) async throws -> OrderID {
        let key = UUID().uuidString
        let body = """
            {"customer": {"name": "Ada", "email": "ada@example.com"}, "paymentToken": "\(token)",
             "address": {"recipient": "Ada", "street": "Way 1", "city": "Bonn", "postcode": "53111", "country": "DE"},
             "lines": [{"sku": "RUNNER-42-TAN", "quantity": 1}, {"sku": "RUNNER-43-TAN", "quantity": 2}]}
            """
        return try await eventually("an order is accepted") {
            let answer = try? await http(.POST, "\(api.addresses["address"] ?? "")/orders", body, key: key)
            guard let answer, answer.status == 202 else { return nil }
            struct Acceptance: Decodable { let id: OrderID }
            return try JSONDecoder().decode(Acceptance.self, from: answer.body).id
        }
    }

    // MARK: Providers

    func fault(_ provider: String, _ fault: String) async throws {
        let answer = try await http(.PUT, "\(sandbox.addresses["address"] ?? "")/faults/\(provider)", fault)
        try #require(answer.status < 300)
    }

    func clearFaults(of provider: String) async throws {
        let answer = try await http(.DELETE, "\(sandbox.addresses["address"] ?? "")/faults/\(provider)")
        try #require(answer.status < 300)
    }

    func ledgers() async throws -> ProviderLedgers {
        try ProviderLedgers(both: try await http(.GET, "\(sandbox.addresses["address"] ?? "")/ledger").body)
    }

    // MARK: Books

    /// Orders with this status; none while the database is away.
    func count(status: String) async throws -> Int {
        let found = try? await database.query("SELECT count(*) FROM orders.orders WHERE status = $1", status) {
            try $0[0, as: Int.self]
        }
        return found?.first ?? 0
    }

    /// Waits until nothing is on its way, then audits.
    func books(accepted: [OrderID]) async throws -> Books {
        let broker = Broker(database)
        try await eventually("the queues are empty", within: .seconds(300)) {
            let all = try? await broker.statistics()
            return all?.allSatisfy { $0.depth + $0.inFlight + $0.scheduled + $0.retrying == 0 } == true ? () : nil
        }
        return try await Books.audit(database, accepted: accepted) { try await ledgers() }
    }

    func expectBalance(accepted: [OrderID], _ location: SourceLocation = #_sourceLocation) async throws {
        let books = try await books(accepted: accepted)
        #expect(books.violations.isEmpty, "\(books.violations)", sourceLocation: location)
        #expect(books.summary.accepted == accepted.count, sourceLocation: location)
        #expect(books.summary.delivered == accepted.count, "\(books.summary)", sourceLocation: location)
    }

    func http(
        _ method: HTTPMethod, _ url: String, _ body: String? = nil, key: String? = nil
    ) async throws -> (status: Int, body: Data) {
        var request = HTTPClientRequest(url: url)
        request.method = method
        if let key { request.headers.add(name: "Idempotency-Key", value: key) }
        if let body {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(string: body))
        }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(120))
        return (Int(response.status.code), Data(try await response.body.collect(upTo: 1 << 26).readableBytesView))
    }
}

extension Template {
    static let openShop = Template("system") { database in
        try await Shop.install(.runners(), in: database)
    }
}

extension ShoeShop.Catalogue {
    /// What the shop's customers order, enough of it for every test.
    static func runners() throws -> ShoeShop.Catalogue {
        try ShoeShop.Catalogue(
            json: Data(
                #"""
                {"models": [{"code": "RUNNER", "colourCode": "TAN", "name": "Meridian Runner", "colour": "tan", "price": 8490,
                             "sizes": [{"size": 42, "stock": 100000}, {"size": 43, "stock": 100000}]}]}
                """#.utf8))
    }
}
