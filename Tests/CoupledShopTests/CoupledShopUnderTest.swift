import AsyncHTTPClient
import Foundation
import MessageQueue
import NIOCore
import NIOHTTP1
import Postgres
import ShoeShop
import TestSupport
import Testing

/// The coupled shop and the providers as real processes, over a database of their own.
struct CoupledShopUnderTest: Sendable {
    let database: Database
    let address: String
    let sandbox: [String: String]

    static func with(_ body: @escaping @Sendable (CoupledShopUnderTest) async throws -> Void) async throws {
        try await TestDatabase.with(.coupledShop) { database in
            try await TestProcess.withSandbox(conninfo: database.conninfo) { sandbox, environment in
                try await TestProcess.with("coupled-shop", environment: environment) { shop in
                    let address = shop.addresses["address"] ?? ""
                    try await body(
                        CoupledShopUnderTest(database: database, address: address, sandbox: sandbox.addresses))
                }
            }
        }
    }

    func order(_ form: Form, key: String? = nil) async throws -> Answer {
        try await send(.POST, "\(address)/orders", form.json, key: key)
    }

    func fault(_ mode: String, of provider: String) async throws {
        let answer = try await send(.PUT, "\(sandbox["address"] ?? "")/faults/\(provider)", #"{"mode": "\#(mode)"}"#)
        try #require(answer.status == 200)
    }

    func ledgers() async throws -> ProviderLedgers {
        try ProviderLedgers(both: try await send(.GET, "\(sandbox["address"] ?? "")/ledger").body)
    }

    func aftermath() async throws -> Aftermath {
        try await Aftermath.read(database) { try await ledgers() }
    }

    /// Nothing that somebody did contradicts what somebody wrote down.
    func expectBalance(_ location: SourceLocation = #_sourceLocation) async throws {
        let books = try await Books.audit(database) { try await ledgers() }
        #expect(books.violations.isEmpty, "\(books.violations)", sourceLocation: location)
    }

    func send(
        _ method: HTTPMethod, _ url: String, _ body: String? = nil, key: String? = nil
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: url)
        request.method = method
        if let key { request.headers.add(name: "Idempotency-Key", value: key) }
        if let body {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(string: body))
        }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(120))
        return Answer(
            status: Int(response.status.code), type: response.headers.first(name: "Content-Type"),
            body: Data(try await response.body.collect(upTo: 1 << 26).readableBytesView))
    }
}

struct Answer: Equatable {
    let status: Int
    let type: String?
    let body: Data

    struct Confirmation: Decodable {
        let id: OrderID
        let status: String
        let total: Int
        let trackingNumber: String
    }

    struct Problem: Decodable {
        let title: String
        let detail: String?
        let errors: [FieldError]?
    }

    func confirmation() throws -> Confirmation { try JSONDecoder().decode(Confirmation.self, from: body) }

    func problem() throws -> Problem {
        try #require(type == "application/problem+json")
        return try JSONDecoder().decode(Problem.self, from: body)
    }
}

struct Form: Sendable {
    var sku = "RUNNER-42-TAN"
    var quantity = 1
    var street = "Way 1"
    var token = "tok_visa"

    var json: String {
        """
        {"customer": {"name": "Ada", "email": "ada@example.com"}, "paymentToken": "\(token)",
         "address": {"recipient": "Ada", "street": "\(street)", "city": "Bonn", "postcode": "53111", "country": "DE"},
         "lines": [{"sku": "\(sku)", "quantity": \(quantity)}]}
        """
    }
}

extension Template {
    fileprivate static let coupledShop = Template("coupled-shop", migrations: Migrator.shop.lines) { database in
        let catalogue = try Catalogue(
            json: Data(
                #"""
                {"models": [{"code": "RUNNER", "colourCode": "TAN", "name": "Meridian Runner", "colour": "tan", "price": 8490,
                             "sizes": [{"size": 42, "stock": 5}]}]}
                """#.utf8))
        try await database.write { catalogue.open(in: $0) }
    }
}
