import MessageQueue
public import Postgres

extension MigrationLine {
    /// The tables of the four steps, a schema each. They stand on the engine's: see `Migrator.shop`.
    public static let shop: MigrationLine = {
        var line = MigrationLine(
            "shoe-shop", schema: "shop",
            [
                Migration(
                    number: 1, name: "0001_shoe_shop", worksWith: 1, sql: text(PackageResources._001_shoe_shop_sql))
            ])
        line.predecessor = Predecessor(
            isThere: """
                SELECT EXISTS (SELECT FROM pg_tables WHERE schemaname = 'orders' AND tablename = 'orders')
                    AND EXISTS (SELECT FROM pg_tables WHERE schemaname = 'public' AND tablename = 'applied_migrations')
                """,
            setAside: text(PackageResources.unreleased_aside_sql), bringOver: text(PackageResources.unreleased_over_sql)
        )
        return line
    }()

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}

extension Migrator {
    /// The schema that this version of the shop was made for: the engine's line, and the shop's own.
    public static let shop = Migrator(.messageQueue, .shop)
}
