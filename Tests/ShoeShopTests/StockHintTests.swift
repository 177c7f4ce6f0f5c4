import Postgres
import ShoeShop
import TestSupport
import Testing

@Suite("What shoppers are told of the stock", .timeLimit(.minutes(5)))
struct StockHintTests {
    @Test("a crowd that comes at once asks the database once, and all are told the same")
    func crowd() async throws {
        try await TestDatabase.with(.openShop) { database in
            let own = Database(database.conninfo)
            let hints = StockHints(own)
            let told = try await withThrowingTaskGroup(of: [SKU: StockHint].self) { group in
                for _ in 0..<200 { group.addTask { try await hints.current() } }
                return try await group.reduce(into: [[SKU: StockHint]]()) { $0.append($1) }
            }
            #expect(told.count == 200 && Set(told).count == 1)
            #expect(told.first?["RUNNER-43-TAN"]?.text == "the last pair")
            #expect(own.statistics.open == 1, "no other connection was needed")
            await own.close()
        }
    }

    @Test("a question that fails is asked again by whoever comes next")
    func failure() async throws {
        try await TestDatabase.with(.openShop) { database in
            let hints = StockHints(database)
            try await database.script("ALTER TABLE stock.items RENAME TO away")
            await #expect(throws: PostgresError.self) { try await hints.current() }
            try await database.script("ALTER TABLE stock.away RENAME TO items")
            #expect(try await hints.current().count == 2)
        }
    }
}
