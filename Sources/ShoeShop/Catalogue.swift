public import Foundation
public import Postgres

/// One article as `GET /products` shows it; the price is in cents.
public struct Product: Hashable, Sendable, Codable {
    public let sku: SKU
    public let name: String
    public let colour: String
    public let size: Int
    public let price: Money

    public init(sku: SKU, name: String, colour: String, size: Int, price: Money) {
        self.sku = sku
        self.name = name
        self.colour = colour
        self.size = size
        self.price = price
    }
}

/// What the shop opens with: the models, each in one colour and several sizes, and how many pairs of each come with them.
///
/// Reads `Samples/catalogue.json`.
public struct Catalogue: Hashable, Sendable, Codable {
    public struct Model: Hashable, Sendable, Codable {
        /// First and last part of the SKU, as in `RUNNER-42-BLK`.
        public let code: String
        public let colourCode: String
        public let name: String
        public let colour: String
        public let price: Money
        public let sizes: [Size]
    }

    public struct Size: Hashable, Sendable, Codable {
        public let size: Int
        public let stock: Int
    }

    public let models: [Model]

    public init(json: Data) throws {
        self = try JSONDecoder().decode(Catalogue.self, from: json)
    }

    public var products: [Product] {
        models.flatMap { model in
            model.sizes.map { size in
                Product(
                    sku: model.sku(size), name: model.name, colour: model.colour, size: size.size, price: model.price)
            }
        }
    }

    public var stock: [SKU: Int] {
        Dictionary(uniqueKeysWithValues: models.flatMap { model in model.sizes.map { (model.sku($0), $0.stock) } })
    }

    /// The same with so many pairs of each article.
    public func stocked(with pairs: Int) -> Catalogue {
        Catalogue(models: models.map { $0.stocked(with: pairs) })
    }

    private init(models: [Model]) { self.models = models }

    /// Puts the articles on sale and their first delivery on the shelf; what is there already stays as it is.
    public func open(in session: borrowing Session) {
        PriceList.offer(products, in: session)
        StockItems.open(with: stock, in: session)
    }
}

extension Catalogue.Model {
    fileprivate func stocked(with pairs: Int) -> Catalogue.Model {
        Catalogue.Model(
            code: code, colourCode: colourCode, name: name, colour: colour, price: price,
            sizes: sizes.map { Catalogue.Size(size: $0.size, stock: pairs) })
    }

    fileprivate func sku(_ size: Catalogue.Size) -> SKU { SKU("\(code)-\(size.size)-\(colourCode)") }
}
