import Launch
import MessageQueue
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
        redeliveryTime, orderlyRedeliveryTime, retention,
    ]

    var options: QueueGateway.Options {
        var options = QueueGateway.Options()
        options.isEncrypted = self[Settings.tlsCertificate] != nil
        options.retention = Broker.Retention(keep: self[Settings.retention])
        options.redelivery = self[Settings.redeliveryTime]
        options.orderlyRedelivery = self[Settings.orderlyRedeliveryTime]
        return options
    }

    /// - Throws: `SettingsError` for none, for one that is too short, and for a file that can't be read.
    func gatewaySecret() throws -> GatewaySecret {
        guard
            let text = try secret(
                Settings.secretKey, orIn: Settings.secretKeyFile, shortest: GatewaySecret.shortest),
            let secret = GatewaySecret(text)
        else {
            throw Settings.secretKey.refused(
                "without it nobody's key can be read; openssl rand -hex \(GatewaySecret.shortest) makes one")
        }
        return secret
    }
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
        "How long the body of a request may take to come in, whatever client-timeout says.")

    /// From the answer that a body came too late until the connection is closed without one.
    private static let answerTime = TimeAmount.seconds(10)

    /// Clients keep a connection for minutes, and some don't try again when it has been closed meanwhile.
    var connectionCare: ConnectionCare {
        let bodyTime = TimeAmount(self[Settings.bodyTime])
        let requestTime = bodyTime + Self.answerTime
        return ConnectionCare(
            idleTime: max(.minutes(10), requestTime), requestTime: requestTime, headBytes: 32 << 10, headFields: 128
        ) { [ConnectionGuard(bodyTime: bodyTime)] }
    }
}
