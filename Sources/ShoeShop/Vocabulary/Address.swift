/// Who ordered, and where the confirmation goes.
public struct Customer: Hashable, Sendable, Codable {
    public let name: String
    public let email: String

    public init(name: String, email: String) {
        self.name = name
        self.email = email
    }
}

/// Where a parcel goes; `country` is an ISO 3166-1 code of two letters.
public struct Address: Hashable, Sendable, Codable {
    public let recipient: String
    public let street: String
    public let city: String
    public let postcode: String
    public let country: String

    public init(recipient: String, street: String, city: String, postcode: String, country: String) {
        self.recipient = recipient
        self.street = street
        self.city = city
        self.postcode = postcode
        self.country = country
    }
}
