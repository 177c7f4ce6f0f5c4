public import Postgres

extension MigrationLine {
    /// The schema of the engine, `mq`. Apply it with a `Migrator`, or with psql; see <doc:Upgrading>.
    public static let messageQueue: MigrationLine = {
        var line = MigrationLine(
            "message-queue", schema: "mq",
            [
                Migration(
                    number: 1, name: "0001_message_queue", worksWith: 1,
                    sql: text(PackageResources._001_message_queue_sql))
            ])
        line.predecessor = Predecessor(
            isThere: "SELECT EXISTS (SELECT FROM pg_tables WHERE schemaname = 'mq' AND tablename = 'deferred')",
            setAside: text(PackageResources.unreleased_aside_sql), bringOver: text(PackageResources.unreleased_over_sql)
        )
        return line
    }()

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
