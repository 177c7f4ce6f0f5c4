import Foundation
import MessageQueue

/// An access key as it is stored, as far as it matters here.
struct StoredAccessKey: Sendable, Equatable {
    let id: String
    let sealedSecret: [UInt8]
    let permissions: [Permission]
    let ratePerSecond: Double?
    let isRevoked: Bool
}

extension StoredAccessKey {
    /// A permission that nobody here can read allows nothing.
    init(_ key: AccessKey) {
        id = key.id
        sealedSecret = key.sealedSecret
        permissions = Permission.list(in: key.permissions)
        ratePerSecond = key.ratePerSecond
        isRevoked = key.revokedAt != nil
    }
}

extension Permission {
    /// As keys are stored with them: a list of texts in JSON.
    package static func text(of permissions: [Permission]) throws -> String {
        String(decoding: try JSONEncoder().encode(permissions.map(\.description)), as: UTF8.self)
    }

    /// Those that can be read.
    package static func list(in text: String) -> [Permission] {
        let texts = try? JSONDecoder().decode([String].self, from: Data(text.utf8))
        return texts?.compactMap { Permission($0) } ?? []
    }
}

extension Broker {
    func storedAccessKeys() async throws -> [StoredAccessKey] { try await accessKeys().map { StoredAccessKey($0) } }
}
