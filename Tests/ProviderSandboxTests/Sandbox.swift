import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import ShoeShop
import Testing

/// A running sandbox as tests see it: addresses, faults, ledgers, and the shop's own clients.
struct Sandbox {
    let process: SandboxProcess
    let control: String
    let payment: String
    let logistics: String

    /// Runs a sandbox while `body` does, with ledgers in `data`; it is killed at the end, whatever happens.
    static func run<T>(
        data: URL, _ arguments: [String] = [], _ body: (Sandbox) async throws -> T
    ) async throws -> T {
        let process = try SandboxProcess(data: data, arguments)
        do {
            let addresses = try await process.addresses()
            let sandbox = Sandbox(
                process: process, control: try #require(addresses["address"]),
                payment: try #require(addresses["payment"]), logistics: try #require(addresses["logistics"]))
            let result = try await body(sandbox)
            process.signal(SIGKILL)
            _ = await process.exitStatus()
            return result
        } catch {
            process.signal(SIGKILL)
            throw error
        }
    }

    /// Runs a sandbox with ledgers of its own, which are gone afterwards.
    static func run<T>(_ body: (Sandbox) async throws -> T) async throws -> T {
        try await withDirectory { try await run(data: $0, [], body) }
    }

    static func withDirectory<T>(_ body: (URL) async throws -> T) async throws -> T {
        let directory = FileManager.default.temporaryDirectory.appending(path: "sandbox-\(UUID())")
        defer { try? FileManager.default.removeItem(at: directory) }
        return try await body(directory)
    }

    func paymentClient(deadline: Duration = .seconds(120)) -> PaymentClient {
        PaymentClient(url: payment, deadline: deadline)
    }

    func logisticsClient() -> LogisticsClient { LogisticsClient(url: logistics, deadline: .seconds(120)) }
}

// MARK: - Faults and ledgers
extension Sandbox {
    @discardableResult
    func setFault(_ json: String, of provider: String = "payment") async throws -> HTTPAnswer {
        try await send(.PUT, control + "/faults/\(provider)", json)
    }

    func clearFault(of provider: String = "payment") async throws {
        #expect(try await send(.DELETE, control + "/faults/\(provider)").status == 204)
    }

    func paymentLedger() async throws -> PaymentLedger {
        try await send(.GET, payment + "/ledger").decode()
    }

    func charges(of order: OrderID) async throws -> [PaymentLedger.Charge] {
        try await paymentLedger().charges.filter { $0.orderID == "\(order)" }
    }

    func postCharge(_ order: OrderID, key: String?, amount: Int = 1200) async throws -> HTTPAnswer {
        let body = #"{"orderID":"\#(order)","amount":\#(amount),"currency":"EUR","token":"tok_visa"}"#
        return try await send(.POST, payment + "/charges", body, key: key)
    }

    func send(
        _ method: HTTPMethod, _ url: String, _ body: String? = nil, key: String? = nil
    ) async throws -> HTTPAnswer {
        var request = HTTPClientRequest(url: url)
        request.method = method
        if let key { request.headers.add(name: "Idempotency-Key", value: key) }
        if let body { request.body = .bytes(ByteBuffer(string: body)) }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(120))
        return HTTPAnswer(
            status: Int(response.status.code), body: String(buffer: try await response.body.collect(upTo: 1 << 26)))
    }
}

struct HTTPAnswer: Equatable {
    let status: Int
    let body: String

    func decode<Value: Decodable>(_: Value.Type = Value.self) throws -> Value {
        try JSONDecoder().decode(Value.self, from: Data(body.utf8))
    }
}

struct PaymentLedger: Decodable {
    struct Charge: Decodable, Equatable {
        let id: String
        let orderID: String
        let amount: Int
    }

    struct Refund: Decodable, Equatable {
        let id: String
        let chargeID: String
        let amount: Int
    }

    let charges: [Charge]
    let refunds: [Refund]
}

extension Money {
    static let price = Money(cents: 8990)
}

extension Address {
    static let home = Address(
        recipient: "Ada Lovelace", street: "12 St James's Square", city: "London", postcode: "SW1Y 4JH", country: "GB")
}
