public import Postgres

extension [Migration] {
    /// The tables of the four steps, a schema each. They need the engine's, `.messageQueue`.
    public static let shop = [
        Migration(number: 2, name: "0002_orders", sql: text(PackageResources._002_orders_sql)),
        Migration(number: 3, name: "0003_stock", sql: text(PackageResources._003_stock_sql)),
        Migration(number: 4, name: "0004_payment", sql: text(PackageResources._004_payment_sql)),
        Migration(number: 5, name: "0005_logistics", sql: text(PackageResources._005_logistics_sql)),
        Migration(number: 7, name: "0007_cancellation", sql: text(PackageResources._007_cancellation_sql)),
    ]

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
