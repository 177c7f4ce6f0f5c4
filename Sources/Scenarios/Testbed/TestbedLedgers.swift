import AsyncHTTPClient
import Foundation
import NIOCore
import ShoeShop

extension Testbed {
    /// The third parties' own books.
    func ledgers() async throws -> ProviderLedgers {
        let request = HTTPClientRequest(url: "\(control)/ledger")
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(15))
        return try ProviderLedgers(both: Data(try await response.body.collect(upTo: 64 << 20).readableBytesView))
    }
}
