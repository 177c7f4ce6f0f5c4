import MessageQueue
import Postgres
import ShoeShop

/// The lines as the programs of the next versions have them: they begin with all that the built programs know.
enum NextVersion {
    /// Adds to the tables that everything goes through, what the programs of today can do without.
    static let expanding = Migrator(.messageQueue(notes), .shop(giftNotes))

    /// Take away what the programs of today need, each in one line: that an order comes without a note, and a queue.
    static let contracting: [MigrationLine] = [
        .shop(
            giftNotes,
            Migration(
                number: 3, name: "0003_every_order_has_a_note", worksWith: 2,
                sql: """
                    UPDATE orders.orders SET gift_note = '' WHERE gift_note IS NULL;
                    ALTER TABLE orders.orders ALTER COLUMN gift_note SET NOT NULL;
                    """)),
        .messageQueue(
            notes,
            Migration(
                number: 3, name: "0003_every_queue_has_a_note", worksWith: 2,
                sql: """
                    UPDATE mq.queues SET note = '' WHERE note IS NULL;
                    ALTER TABLE mq.queues ALTER COLUMN note SET NOT NULL;
                    """)),
    ]

    private static let notes = Migration(
        number: 2, name: "0002_notes", worksWith: 1,
        sql: """
            ALTER TABLE mq.queues ADD COLUMN note text;
            ALTER TABLE mq.messages ADD COLUMN note text;
            ALTER TABLE mq.scheduled ADD COLUMN note text;
            ALTER TABLE mq.dead_letters ADD COLUMN note text;
            CREATE TABLE mq.notes (queue int PRIMARY KEY REFERENCES mq.queues ON DELETE CASCADE, note text NOT NULL);
            """)

    private static let giftNotes = Migration(
        number: 2, name: "0002_gift_notes", worksWith: 1,
        sql: """
            ALTER TABLE orders.orders ADD COLUMN gift_note text;
            ALTER TABLE stock.items ADD COLUMN shelf text;
            CREATE TABLE logistics.parcels (order_id uuid PRIMARY KEY, weight int NOT NULL);
            CREATE INDEX orders_placed_at ON orders.orders (placed_at);
            """)
}

extension MigrationLine {
    fileprivate static func messageQueue(_ next: Migration...) -> MigrationLine {
        MigrationLine("message-queue", schema: "mq", MigrationLine.messageQueue.migrations + next)
    }

    fileprivate static func shop(_ next: Migration...) -> MigrationLine {
        MigrationLine("shoe-shop", schema: "shop", MigrationLine.shop.migrations + next)
    }
}
