public import Foundation

/// A key by which a client of a gateway is known. The engine keeps it, and never sees its secret: whoever makes the key seals that.
public struct AccessKey: Sendable, Equatable {
    /// What a client says that it is.
    public let id: String
    /// Whose it is, or what for, as operators call it.
    public let label: String
    /// The secret, sealed with a key that is not in the database.
    public let sealedSecret: [UInt8]
    /// What it allows: one text in JSON, which means something to the gateway alone.
    public let permissions: String
    /// How many calls a second it may make; nil for any number.
    public let ratePerSecond: Double?
    /// When it was made, by the database's clock.
    public let createdAt: Date
    /// When it got another secret last; nil when it has its first one.
    public let rotatedAt: Date?
    /// Since when it allows nothing any more.
    public let revokedAt: Date?
    /// When it was used last, as far as gateways have told, to the minute; nil when it never was.
    public let lastUsedAt: Date?
}

/// A key that is to be made, see ``Broker/create(accessKey:)``.
public struct NewAccessKey: Sendable, Equatable {
    /// See ``AccessKey/id``; from 1 to 200 bytes.
    public var id: String
    /// See ``AccessKey/label``; 1,000 bytes at most.
    public var label: String
    /// See ``AccessKey/sealedSecret``.
    public var sealedSecret: [UInt8]
    /// See ``AccessKey/permissions``.
    public var permissions: String
    /// See ``AccessKey/ratePerSecond``; more than nothing.
    public var ratePerSecond: Double?

    /// A key without a limit of its rate, unless one is given.
    public init(
        id: String, label: String, sealedSecret: [UInt8], permissions: String, ratePerSecond: Double? = nil
    ) {
        self.id = id
        self.label = label
        self.sealedSecret = sealedSecret
        self.permissions = permissions
        self.ratePerSecond = ratePerSecond
    }
}
