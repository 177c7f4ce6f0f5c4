import AsyncHTTPClient
import Foundation
import NIOCore
import ShoeShop

extension Stage {
    /// The third parties' own books.
    func ledgers() async throws -> ProviderLedgers {
        try ProviderLedgers(payment: await ledger(at: payment), logistics: await ledger(at: logistics))
    }

    private func ledger(at address: String) async throws -> Data {
        let request = HTTPClientRequest(url: "\(address)/ledger")
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(15))
        return Data(try await response.body.collect(upTo: 64 << 20).readableBytesView)
    }
}
