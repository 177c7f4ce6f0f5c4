/// What a customer asks for: so many pairs of one article.
public struct OrderLine: Hashable, Sendable, Codable {
    public let sku: SKU
    public let quantity: Int

    public init(sku: SKU, quantity: Int) {
        self.sku = sku
        self.quantity = quantity
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        sku = try container.decode(SKU.self, forKey: .sku)
        quantity = try container.decode(.quantity, within: OrderBounds.quantity)
    }
}

/// A line after pricing; the price stays what it was then, whatever the catalogue says later.
public struct PricedLine: Hashable, Sendable, Codable {
    public let sku: SKU
    public let name: String
    public let quantity: Int
    public let unitPrice: Money

    public init(sku: SKU, name: String, quantity: Int, unitPrice: Money) {
        self.sku = sku
        self.name = name
        self.quantity = quantity
        self.unitPrice = unitPrice
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        sku = try container.decode(SKU.self, forKey: .sku)
        name = try container.decode(String.self, forKey: .name)
        quantity = try container.decode(.quantity, within: OrderBounds.quantity)
        unitPrice = Money(cents: try container.decode(.unitPrice, within: OrderBounds.price))
    }

    public var price: Money { unitPrice * quantity }
}

/// An order whose lines have prices; `total` is their sum.
public struct PricedOrder: Hashable, Sendable, Codable {
    public let id: OrderID
    public let customer: Customer
    public let address: Address
    public let lines: [PricedLine]
    public let total: Money

    public init(id: OrderID, customer: Customer, address: Address, lines: [PricedLine]) {
        self.id = id
        self.customer = customer
        self.address = address
        self.lines = lines
        self.total = lines.reduce(.zero) { $0 + $1.price }
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        id = try container.decode(OrderID.self, forKey: .id)
        customer = try container.decode(Customer.self, forKey: .customer)
        address = try container.decode(Address.self, forKey: .address)
        lines = try container.decodeLines(.lines)
        total = try container.decode(Money.self, forKey: .total)
    }

    /// How many pairs are in the parcel.
    public var items: Int { lines.reduce(0) { $0 + $1.quantity } }
}
