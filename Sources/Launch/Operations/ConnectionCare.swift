import HummingbirdCore
import HummingbirdTLS
public import NIOCore
import NIOSSL

/// How a server treats its connections.
public struct ConnectionCare: Sendable {
    /// Connections on which nothing moves so long are closed, or stalled clients would hold them for ever; nil for four times what a
    /// client may take over a request.
    public var idleTime: TimeAmount?
    /// Stand in the pipeline of each connection, between decoder and routes.
    public var handlers: @Sendable () -> [any RemovableChannelHandler]
    /// The most that the head of a request may have, in bytes and in fields.
    public var headBytes: Int
    public var headFields: Int

    public init(
        idleTime: TimeAmount? = nil, headBytes: Int = 80 << 10, headFields: Int = 1000,
        handlers: @escaping @Sendable () -> [any RemovableChannelHandler] = { [] }
    ) {
        self.idleTime = idleTime
        self.headBytes = headBytes
        self.headFields = headFields
        self.handlers = handlers
    }

    func server(patience: TimeAmount, encryptedBy encryption: Encryption?) throws -> HTTPServerBuilder {
        let plain = HTTPServerBuilder.http1(
            configuration: .init(
                additionalChannelHandlers: handlers() + [ExpectHandler(), PatienceHandler(limit: patience)],
                idleTimeout: idleTime ?? .nanoseconds(patience.nanoseconds * 4),
                httpDecoderConfiguration: .init(
                    maxHeaderFieldSize: headBytes, maxHeaderListSize: headBytes, maxHeaderFieldCount: headFields)))
        guard let encryption else { return plain }
        return try .tls(plain, tlsConfiguration: try encryption.configuration())
    }
}

/// Certificate and key of a server that is spoken to by TLS.
struct Encryption {
    private let certificate: String
    private let key: String

    /// Nil when the settings name none, or the program has no such settings.
    init?(_ settings: Settings) {
        guard let certificate = settings[Settings.tlsCertificate] else { return nil }
        self.certificate = certificate
        key = settings[Settings.tlsKey] ?? certificate
    }

    /// - Throws: what is wrong with the files.
    func configuration() throws -> TLSConfiguration {
        let chain = try NIOSSLCertificate.fromPEMFile(certificate).map { NIOSSLCertificateSource.certificate($0) }
        let key = try NIOSSLPrivateKey(file: key, format: .pem)
        return TLSConfiguration.makeServerConfiguration(certificateChain: chain, privateKey: .privateKey(key))
    }
}

extension Settings {
    public static let tlsCertificate = Setting<String?>(
        "tls-certificate", default: nil,
        "A file with the server's certificate and its chain, as PEM: clients come by TLS.")
    public static let tlsKey = Setting<String?>(
        "tls-key", default: nil, "A file with the key of the certificate, as PEM. Default: the certificate's file.")
}
