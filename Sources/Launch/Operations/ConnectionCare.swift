import HummingbirdCore
import HummingbirdTLS
public import NIOCore
import NIOSSL

/// How a server treats its connections.
public struct ConnectionCare: Sendable {
    /// Connections on which nothing moves so long are closed, or stalled clients would hold them for ever; nil for four times what a
    /// client may take over a request.
    public var idleTime: TimeAmount?
    /// So long a request may take in any case: clients are not hung up on before, however little the settings let them have. For
    /// servers that answer whoever is too slow.
    public var requestTime: TimeAmount
    /// Stand in the pipeline of each connection, between decoder and routes.
    public var handlers: @Sendable () -> [any RemovableChannelHandler]
    /// The most that the head of a request may have, in bytes and in fields.
    public var headBytes: Int
    public var headFields: Int

    public init(
        idleTime: TimeAmount? = nil, requestTime: TimeAmount = .zero, headBytes: Int = 80 << 10, headFields: Int = 1000,
        handlers: @escaping @Sendable () -> [any RemovableChannelHandler] = { [] }
    ) {
        self.idleTime = idleTime
        self.requestTime = requestTime
        self.headBytes = headBytes
        self.headFields = headFields
        self.handlers = handlers
    }

    func server(patience: TimeAmount, encryptedBy encryption: Encryption?) throws -> HTTPServerBuilder {
        let patience = max(patience, requestTime)
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
    ///
    /// - Throws: ``SettingsError`` for one without the other: whoever names one wants TLS.
    init?(_ settings: Settings) throws(SettingsError) {
        switch (settings[Settings.tlsCertificate], settings[Settings.tlsKey]) {
        case (nil, nil): return nil
        case (let certificate?, let key?): (self.certificate, self.key) = (certificate, key)
        case (_?, nil): throw Self.missing(Settings.tlsKey, beside: Settings.tlsCertificate)
        case (nil, _?): throw Self.missing(Settings.tlsCertificate, beside: Settings.tlsKey)
        }
    }

    private static func missing(_ setting: Setting<String?>, beside other: Setting<String?>) -> SettingsError {
        SettingsError(problems: [
            .missingValue(
                setting.variable, expected: "a file in PEM, as \(other.variable) is given; it may be the same")
        ])
    }

    /// - Throws: ``SettingsError`` for a file that is not what it has to be.
    func configuration() throws -> TLSConfiguration {
        guard let found = try? NIOSSLCertificate.fromPEMFile(certificate), !found.isEmpty else {
            throw Self.wrong(Settings.tlsCertificate, certificate, "a file with a certificate in PEM")
        }
        guard let privateKey = try? NIOSSLPrivateKey(file: key, format: .pem) else {
            throw Self.wrong(Settings.tlsKey, key, "a file with a private key in PEM")
        }
        let chain = found.map { NIOSSLCertificateSource.certificate($0) }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain, privateKey: .privateKey(privateKey))
        configuration.minimumTLSVersion = .tlsv12
        return configuration
    }

    private static func wrong(_ setting: Setting<String?>, _ file: String, _ expected: String) -> SettingsError {
        SettingsError(problems: [.badValue(source: setting.variable, text: file, expected: expected)])
    }
}

extension Settings {
    public static let tlsCertificate = Setting<String?>(
        "tls-certificate", default: nil,
        "A file with the server's certificate and its chain, as PEM, beside tls-key: clients come by TLS, 1.2 or newer."
    )
    public static let tlsKey = Setting<String?>(
        "tls-key", default: nil, "A file with the key of the certificate, as PEM; it may be the certificate's.")
}
