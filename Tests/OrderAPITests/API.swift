import AsyncHTTPClient
import Foundation
import MessageQueue
import NIOCore
import NIOHTTP1
import Postgres
import ShoeShop
import TestSupport
import Testing

/// Every test here runs processes of its own; on a small machine they would only starve each other.
@Suite("order-api", .serialized, .timeLimit(.minutes(10)))
enum OrderAPITests {}

/// A running order-api, and the database behind it.
struct API: Sendable {
    let process: TestProcess
    let database: Database

    var address: String { process.addresses["address"] ?? "" }

    /// Runs `body` beside an order-api with an empty shop that has one article.
    static func with<T: Sendable>(_ body: @escaping @Sendable (API) async throws -> T) async throws -> T {
        try await TestDatabase.with(.emptyShop) { try await with($0, body) }
    }

    /// Another one over the same database.
    static func with<T: Sendable>(
        _ database: Database, log: String? = nil, _ body: @escaping @Sendable (API) async throws -> T
    ) async throws -> T {
        try await TestProcess.with(
            "order-api",
            environment: ["DATABASE_URL": database.conninfo, "LOG_LEVEL": log == nil ? "critical" : "info"], log: log
        ) { process in
            try await body(API(process: process, database: database))
        }
    }

    func get(_ path: String) async throws -> Answer { try await send(.GET, path) }

    func order(_ body: String = Form.good, key: String? = nil) async throws -> Answer {
        try await send(
            .POST, "/orders", body, ["Content-Type": "application/json"] + (key.map { [("Idempotency-Key", $0)] } ?? [])
        )
    }

    func send(
        _ method: HTTPMethod, _ path: String, _ body: String? = nil, _ headers: HTTPHeaders = [:],
        isStreamed: Bool = false
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: address + path)
        request.method = method
        request.headers = headers
        if let body {
            // A stream of unknown length is sent in chunks.
            let bytes = ByteBuffer(string: body)
            request.body = isStreamed ? .stream(OneChunk(bytes: bytes), length: .unknown) : .bytes(bytes)
        }
        let response = try await Self.http.execute(request, timeout: .seconds(120))
        return Answer(
            status: Int(response.status.code), headers: response.headers,
            body: Data(try await response.body.collect(upTo: 1 << 24).readableBytesView))
    }

    private struct OneChunk: AsyncSequence, Sendable {
        let bytes: ByteBuffer
        func makeAsyncIterator() -> AsyncStream<ByteBuffer>.Iterator {
            AsyncStream { continuation in
                continuation.yield(bytes)
                continuation.finish()
            }.makeAsyncIterator()
        }
    }

    /// One for all tests: 64 connections to a server, so that as many orders are under way at once.
    private static let http: HTTPClient = {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 64
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.httpVersion = .http1Only
        return HTTPClient(configuration: configuration)
    }()
}

struct Answer: Sendable {
    let status: Int
    let headers: HTTPHeaders
    let body: Data

    func header(_ name: String) -> [String] { headers[name] }

    var text: String { String(decoding: body, as: UTF8.self) }
    var type: String? { headers.first(name: "Content-Type") }

    func json<Value: Decodable>(_: Value.Type = Value.self) throws -> Value {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        return try decoder.decode(Value.self, from: body)
    }

    /// The id of an accepted order.
    func orderID() throws -> String {
        struct Acceptance: Decodable { let id: String }
        return try json(Acceptance.self).id
    }

    /// The token of whoever became a customer.
    func customerToken(_ location: SourceLocation = #_sourceLocation) throws -> String {
        try #require(headers.first(name: "Customer-Token"), sourceLocation: location)
    }

    /// The document of an error, after making sure that it is one.
    func problem(_ location: SourceLocation = #_sourceLocation) throws -> ProblemDocument {
        #expect(type == "application/problem+json", "\(status) \(text)", sourceLocation: location)
        let problem: ProblemDocument = try json()
        #expect(problem.status == status && !problem.title.isEmpty, sourceLocation: location)
        return problem
    }
}

struct ProblemDocument: Decodable, Sendable {
    let type: String
    let title: String
    let status: Int
    let detail: String?
    let errors: [Field]?

    struct Field: Decodable, Sendable {
        let pointer: String
        let detail: String
    }
}

enum Form {
    static let good = #"""
        {"customer": {"name": "Lena Schneider", "email": "lena@example.com"},
         "address": {"recipient": "Lena Schneider", "street": "Lindenstraße 12", "city": "Leipzig",
                     "postcode": "04229", "country": "DE"},
         "lines": [{"sku": "RUNNER-42-TAN", "quantity": 2}, {"sku": "COURT-42-RED", "quantity": 1}],
         "paymentToken": "tok_visa_1"}
        """#
}

extension Template {
    static let emptyShop = Template("order-api", migrations: Migrator.shop.lines) { database in
        try await Broker(database).declare(Topology.shop)
        let catalogue = try Catalogue(
            json: Data(
                #"""
                {"models": [{"code": "RUNNER", "colourCode": "TAN", "name": "Meridian Runner", "colour": "tan",
                             "price": 8490, "sizes": [{"size": 42, "stock": 100}]}]}
                """#.utf8))
        try await database.write { catalogue.open(in: $0) }
    }
}

extension HTTPHeaders {
    static func + (one: HTTPHeaders, other: [(String, String)]) -> HTTPHeaders {
        var all = one
        all.add(contentsOf: other)
        return all
    }
}

extension Database {
    func count(_ statement: Statement) async throws -> Int {
        try await query(statement) { try $0[0, as: Int.self] }[0]
    }

    func orderCount() async throws -> Int { try await count("SELECT count(*) FROM orders.orders") }

    /// Orders without their first message, first messages without their order, orders without lines or a beginning.
    func torn() async throws -> Int {
        try await count(
            """
            WITH first AS (
                SELECT key::uuid AS id FROM mq.messages WHERE queue = (SELECT id FROM mq.queues WHERE name = 'orders')
                UNION ALL
                SELECT key::uuid FROM mq.scheduled WHERE queue = (SELECT id FROM mq.queues WHERE name = 'orders'))
            SELECT (SELECT count(*) FROM orders.orders o FULL JOIN first USING (id) WHERE o.id IS NULL OR first.id IS NULL)
                + (SELECT count(*) FROM first) - (SELECT count(DISTINCT id) FROM first)
                + (SELECT count(*) FROM orders.orders o WHERE NOT EXISTS (
                    SELECT FROM orders.order_lines l WHERE l.order_id = o.id))
                + (SELECT count(*) FROM orders.orders o WHERE NOT EXISTS (
                    SELECT FROM orders.events e WHERE e.order_id = o.id))
            """)
    }

    /// By how many transactions the orders were stored.
    func commits() async throws -> Int { try await count("SELECT count(DISTINCT xmin::text) FROM orders.orders") }
}

extension TestDatabase {
    static func withShop<T: Sendable>(_ body: (Database) async throws -> T) async throws -> T {
        try await with(.emptyShop, body)
    }
}
