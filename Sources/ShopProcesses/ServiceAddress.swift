import AsyncHTTPClient
import HostNames
import NIOCore
import NIOHTTP1
import NIOSSL

/// Where a process of this machine is asked how it is.
struct ServiceAddress {
    typealias Answer = (status: HTTPResponseStatus, body: String)

    private let base: String
    private let client: HTTPClient

    private static let limit = TimeAmount.seconds(2)
    private static let longestAnswer = 4 << 20

    /// - Parameter told: where it says that it listens; one that listens everywhere is asked on the loopback interface.
    init(_ told: String) {
        base = told.replacing("://0.0.0.0", with: "://127.0.0.1").replacing("://[::]", with: "://[::1]")
        let host = base.split(separator: "://", maxSplits: 1).last.map { HostName(String($0)) }
        client = host?.isLoopback == true ? Self.withoutProof : HTTPClient.shared
    }

    /// Nil for one that is away, or isn't one of ours any more.
    func get(_ path: String) async -> Answer? {
        guard let response = try? await client.execute(HTTPClientRequest(url: base + path), timeout: Self.limit),
            let body = try? await response.body.collect(upTo: Self.longestAnswer)
        else { return nil }
        return (response.status, String(buffer: body))
    }

    /// For the loopback interface. A certificate is for the name by which others come, and this machine need not know
    /// who vouches for it. What is asked stays here, and has no secret in it.
    private static let withoutProof: HTTPClient = {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        var encryption = TLSConfiguration.makeClientConfiguration()
        encryption.certificateVerification = .none
        configuration.tlsConfiguration = encryption
        return HTTPClient(configuration: configuration)
    }()
}
