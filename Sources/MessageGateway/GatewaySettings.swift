import Foundation
import Launch
import NIOCore
import QueueGateway

extension Settings {
    static let secretKey = Setting<String?>(
        "gateway-secret-key", default: nil,
        "Opens the secrets of access keys: \(GatewaySecret.shortest) characters or more, the same for all gateways.")
    static let secretKeyFile = Setting<String?>(
        "gateway-secret-key-file", default: nil, "A file with that secret, instead.")

    static let gateway: [any SettingDeclaration] = [
        databaseURL, directDatabaseURL, databaseConnections, secretKey, secretKeyFile, tlsCertificate, tlsKey,
    ]

    var options: QueueGateway.Options {
        var options = QueueGateway.Options()
        options.isEncrypted = self[Settings.tlsCertificate] != nil
        return options
    }

    /// - Throws: ``NoSecretKey``, and what keeps the file from being read.
    func gatewaySecret() throws -> GatewaySecret {
        let text = try self[Settings.secretKey] ?? self[Settings.secretKeyFile].map(Self.content)
        guard let secret = text.flatMap({ GatewaySecret($0) }) else { throw NoSecretKey() }
        return secret
    }

    private static func content(of file: String) throws -> String {
        try String(contentsOfFile: file, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
    }
}

struct NoSecretKey: Error, CustomStringConvertible {
    let description =
        "without a secret of \(GatewaySecret.shortest) characters nobody's key can be read: set GATEWAY_SECRET_KEY, "
        + "such as from openssl rand -hex 32"
}

extension ConnectionCare {
    /// Clients keep a connection for minutes, and some don't try again when it has been closed meanwhile.
    static let ofGateway = ConnectionCare(
        idleTime: .minutes(10), headBytes: 32 << 10, headFields: 128, handlers: { [ConnectionGuard()] })
}
