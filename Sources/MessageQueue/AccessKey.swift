public import Foundation
import Postgres

/// A key by which a client of a gateway proves who it is.
///
/// What it may be used for, and how its secret is sealed, is the gateway's business: here it is kept.
public struct AccessKey: Sendable, Equatable {
    /// What clients name it by.
    public let id: String
    /// Whose it is, for people.
    public let label: String
    /// As the gateway sealed it; the plain secret is nowhere in the database.
    public let sealedSecret: [UInt8]
    /// What it may be used for, in the gateway's words.
    public let permissions: [String]
    /// The most calls a second; nil for any number.
    public let ratePerSecond: Double?
    /// When it was made, by the database's clock.
    public let createdAt: Date
    /// When its secret was made, or replaced last.
    public let changedAt: Date
    /// When it became worthless; nil while it is good.
    public let revokedAt: Date?
    /// When it was used last, as far as a gateway has noted it; see ``Broker/note(use:)``.
    public let lastUsedAt: Date?
}

/// An access key to be made.
public struct NewAccessKey: Sendable {
    /// Nobody else's.
    public var id: String
    /// Whose it is, for people.
    public var label: String
    /// Sealed already.
    public var sealedSecret: [UInt8]
    /// What it may be used for, in the gateway's words.
    public var permissions: [String]
    /// The most calls a second; nil for any number.
    public var ratePerSecond: Double?

    /// A key with these properties.
    public init(
        id: String, label: String = "", sealedSecret: [UInt8], permissions: [String], ratePerSecond: Double? = nil
    ) {
        self.id = id
        self.label = label
        self.sealedSecret = sealedSecret
        self.permissions = permissions
        self.ratePerSecond = ratePerSecond
    }

    func check() throws {
        let bytes = permissions.reduce(label.utf8.count + sealedSecret.count) { $0 + $1.utf8.count }
        guard 1...MessageLimits.nameBytes ~= id.utf8.count, bytes <= MessageLimits.headerBytes,
            ratePerSecond.map({ $0.isFinite && $0 > 0 }) ?? true
        else {
            throw QueueError.invalidArgument(
                "an access key has an id of at most \(MessageLimits.nameBytes) bytes, a rate above 0, and "
                    + "\(MessageLimits.headerBytes) bytes of everything else at the most")
        }
    }
}

extension AccessKey {
    init(_ row: borrowing Row) throws {
        id = try row[0]
        label = try row[1]
        sealedSecret = try row[2, as: Bytes.self].bytes
        permissions = try row[3]
        ratePerSecond = try row[4]
        createdAt = try row[5]
        changedAt = try row[6]
        revokedAt = try row[7]
        lastUsedAt = try row[8]
    }
}
