import Crypto
import Foundation

/// What a gateway's configuration keeps secret: with it the secrets of access keys are sealed in the database, and receipt handles
/// are signed. All gateways of a database share it.
public struct GatewaySecret: Sendable {
    /// Shorter texts are refused.
    public static let shortest = 32

    private let sealing: SymmetricKey
    let handles: SymmetricKey

    /// Takes any text that is long enough, such as `openssl rand -hex 32` makes; nil for one that is not.
    public init?(_ text: String) {
        guard text.utf8.count >= Self.shortest else { return nil }
        let given = SymmetricKey(data: Data(text.utf8))
        func derived(for purpose: String) -> SymmetricKey {
            HKDF<SHA256>.deriveKey(inputKeyMaterial: given, info: Data(purpose.utf8), outputByteCount: 32)
        }
        sealing = derived(for: "secrets of access keys")
        handles = derived(for: "receipt handles")
    }

    /// A fresh one.
    public static func random() -> String {
        SymmetricKey(size: .bits256).withUnsafeBytes { Array($0).hex }
    }

    /// Encrypts the secret of an access key, for this key only.
    func seal(_ secret: String, of key: String) throws -> [UInt8] {
        let box = try AES.GCM.seal(Data(secret.utf8), using: sealing, authenticating: Data(key.utf8))
        guard let sealed = box.combined else { throw Unsealable() }
        return Array(sealed)
    }

    /// - Throws: when it was sealed with another secret, for another key, or changed since.
    func open(_ sealed: [UInt8], of key: String) throws -> String {
        let box = try AES.GCM.SealedBox(combined: sealed)
        return String(decoding: try AES.GCM.open(box, using: sealing, authenticating: Data(key.utf8)), as: UTF8.self)
    }

    /// Only for a nonce of another length than is used here.
    private struct Unsealable: Error {}
}
