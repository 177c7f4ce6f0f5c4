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
        permissions = key.permissions.compactMap { Permission($0) }
        ratePerSecond = key.ratePerSecond
        isRevoked = key.revokedAt != nil
    }
}

extension Broker {
    func storedAccessKeys() async throws -> [StoredAccessKey] { try await accessKeys().map { StoredAccessKey($0) } }
}
