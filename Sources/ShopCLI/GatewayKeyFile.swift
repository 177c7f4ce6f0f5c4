import ArgumentParser
import Foundation
import QueueGateway

extension ShopFolder {
    /// Holds the secret that the shop's gateway runs with.
    var gatewayKeyFile: String { path + "/run/gateway.key" }

    /// Makes the file, for its owner only, unless it is there: what was sealed with it before is to be read again.
    func prepareGatewayKey() throws {
        guard !FileManager.default.fileExists(atPath: gatewayKeyFile) else { return }
        let made = FileManager.default.createFile(
            atPath: gatewayKeyFile, contents: Data(GatewaySecret.random().utf8), attributes: [.posixPermissions: 0o600])
        guard made else { throw CocoaError(.fileWriteUnknown, userInfo: [NSFilePathErrorKey: gatewayKeyFile]) }
    }

    /// The secret that gateways run with.
    ///
    /// - Throws: `ValidationError` when there is none, or none that is one.
    func gatewaySecret() throws -> GatewaySecret {
        let environment = ProcessInfo.processInfo.environment
        let file = environment["GATEWAY_SECRET_KEY_FILE"] ?? gatewayKeyFile
        let content = FileManager.default.contents(atPath: file).map { String(decoding: $0, as: UTF8.self) }
        let text = environment["GATEWAY_SECRET_KEY"] ?? content?.trimmingCharacters(in: .whitespacesAndNewlines)
        guard let secret = text.flatMap({ GatewaySecret($0) }) else {
            throw ValidationError(
                "Whatever seals the secrets of keys is missing, or shorter than \(GatewaySecret.shortest) characters: set "
                    + "GATEWAY_SECRET_KEY to what the gateways run with.")
        }
        return secret
    }
}
