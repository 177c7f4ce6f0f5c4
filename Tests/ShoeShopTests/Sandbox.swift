import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import ShoeShop
import TestSupport

/// The third parties in a process of their own, with ledgers of their own.
struct Sandbox: Sendable {
    let control: String
    let payment: String
    let logistics: String

    static func with<T: Sendable>(_ body: @escaping @Sendable (Sandbox) async throws -> T) async throws -> T {
        let data = FileManager.default.temporaryDirectory.appending(path: "shoe-shop-\(UUID())")
        defer { try? FileManager.default.removeItem(at: data) }
        return try await TestProcess.with(
            "provider-sandbox", arguments: ["--data", data.path, "--payment-port", "0", "--logistics-port", "0"],
            environment: ["LOG_LEVEL": "critical"]
        ) { process in
            let addresses = process.addresses
            return try await body(
                Sandbox(
                    control: addresses["address"] ?? "", payment: addresses["payment"] ?? "",
                    logistics: addresses["logistics"] ?? ""))
        }
    }

    /// - Parameter fault: such as `{"mode": "outage"}`.
    func setFault(_ fault: String, of provider: String) async throws {
        try await send(.PUT, "\(control)/faults/\(provider)", fault)
    }

    func clearFault(of provider: String) async throws { try await send(.DELETE, "\(control)/faults/\(provider)") }

    /// By the control port, which no fault reaches.
    func ledgers() async throws -> ProviderLedgers {
        let both = try await documents()
        return try ProviderLedgers(payment: both.payment, logistics: both.logistics)
    }

    /// The same ledger is the same text.
    func documents() async throws -> (payment: Data, logistics: Data) {
        let both = try JSONSerialization.jsonObject(with: try await send(.GET, "\(control)/ledger")) as? [String: Any]
        return (
            try JSONSerialization.data(withJSONObject: both?["payment"] ?? [], options: .sortedKeys),
            try JSONSerialization.data(withJSONObject: both?["logistics"] ?? [], options: .sortedKeys)
        )
    }

    @discardableResult
    private func send(_ method: HTTPMethod, _ url: String, _ body: String? = nil) async throws -> Data {
        var request = HTTPClientRequest(url: url)
        request.method = method
        if let body { request.body = .bytes(ByteBuffer(string: body)) }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(120))
        let answer = Data(try await response.body.collect(upTo: 1 << 26).readableBytesView)
        guard (200..<300).contains(response.status.code) else { throw Refused(status: response.status.code) }
        return answer
    }

    private struct Refused: Error { let status: UInt }
}
