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
        databaseURL, directDatabaseURL, databaseConnections, secretKey, secretKeyFile, tlsCertificate, tlsKey, bodyTime,
        redeliveryTime,
        orderlyRedeliveryTime,
    ]

    var options: QueueGateway.Options {
        var options = QueueGateway.Options()
        options.isEncrypted = self[Settings.tlsCertificate] != nil
        options.redelivery = self[Settings.redeliveryTime]
        options.orderlyRedelivery = self[Settings.orderlyRedeliveryTime]
        return options
    }

    /// - Throws: ``NoSecretKey``, and what keeps the file from being read.
    func gatewaySecret() throws -> GatewaySecret {
        let text = try secret(Settings.secretKey, orIn: Settings.secretKeyFile)
        guard let secret = text.flatMap({ GatewaySecret($0) }) else { throw NoSecretKey() }
        return secret
    }
}

struct NoSecretKey: Error, CustomStringConvertible {
    let description =
        "without a secret of \(GatewaySecret.shortest) characters nobody's key can be read: set GATEWAY_SECRET_KEY, "
        + "such as from openssl rand -hex 32"
}

extension Settings {
    static let redeliveryTime = Setting(
        "redelivery-time", default: Duration.seconds(300), in: .seconds(1)...(.seconds(43_200)),
        "How long a RocketMQ consumer has to acknowledge a message, before it is given to another one.")
    static let orderlyRedeliveryTime = Setting(
        "orderly-redelivery-time", default: Duration.seconds(60), in: .seconds(1)...(.seconds(43_200)),
        "The same, for consumers that consume in order.")
    static let bodyTime = Setting(
        "body-time", default: Duration.seconds(60), in: .seconds(1)...(.seconds(3600)),
        "How long the body of a request may take to come in.")

    /// Clients keep a connection for minutes, and some don't try again when it has been closed meanwhile.
    var connectionCare: ConnectionCare {
        let bodyTime = TimeAmount(self[Settings.bodyTime])
        return ConnectionCare(idleTime: .minutes(10), headBytes: 32 << 10, headFields: 128) {
            [ConnectionGuard(bodyTime: bodyTime)]
        }
    }
}
