import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOSSL
import TestSupport
import Testing

extension DeskTests {
    @Test("with a certificate and its key the desk is reached by TLS, and by nothing else")
    func tls() async throws {
        try await TestCertificate.with { made in
            try await Desk.with(["TLS_CERTIFICATE": made.certificate, "TLS_KEY": made.key]) { desk in
                #expect(desk.address.hasPrefix("https://"))
                var configuration = HTTPClient.Configuration()
                configuration.tlsConfiguration = .makeClientConfiguration()
                configuration.tlsConfiguration?.trustRoots = .file(made.certificate)
                let client = HTTPClient(configuration: configuration)
                func status(_ address: String) async -> UInt? {
                    try? await client.execute(HTTPClientRequest(url: address), timeout: .seconds(60)).status.code
                }
                let (secret, plain) = (await status(desk.address), await status("http" + desk.address.dropFirst(5)))
                try await client.shutdown()
                #expect(secret == 200 && plain == nil)
            }
        }
    }
}
