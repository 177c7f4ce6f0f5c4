import Foundation
import MessageQueue
import Postgres
import ShoeShop
import TestSupport
import Testing

@testable import Scenarios

/// What a verdict is worth shows where something is wrong.
@Suite("the verdict on a run")
struct JudgeTests {
    private static let shop = Template("judged", migrations: Migrator.shop.lines) { database in
        try await Broker(database).declare(Topology.shop)
    }
    private static let order = OrderID.new()
    private static let noEntries = Data(
        #"{"payment": {"charges": [], "refunds": []}, "logistics": {"bookings": []}}"#.utf8)

    private func verdict(
        _ expectations: Expectations, leftOver: [String] = [], violations: [String] = [],
        ledgers: Data = noEntries, _ spoil: @Sendable (Database) async throws -> Void
    ) async throws -> Judge.Verdict {
        try await TestDatabase.with(Self.shop) { database in
            try await spoil(database)
            var customers = CustomerNotes.State()
            customers.violations = violations
            let judge = Judge(
                expectations: expectations, shop: .decoupled, customers: customers, startedAt: Date(), windows: [],
                leftOver: leftOver)
            return try await judge.verdict(on: database) { try ProviderLedgers(both: ledgers) }
        }
    }

    @Sendable private func lose(_ database: Database) async throws {
        try await database.execute(
            """
            INSERT INTO orders.orders (id, placed_at, customer_name, customer_email, recipient, street, city, postcode, country)
            VALUES ($1, now() - interval '1 minute', 'Ada', 'ada@example.com', 'Ada', 'Way 1', 'Bonn', '53111', 'DE')
            """, Self.order)
    }

    @Test(
        "an order that went with its database is expected of nobody, and what third parties know of it is no violation")
    func forgotten() async throws {
        let charged = Data(
            """
            {"payment": {"charges": [{"id": "ch_1", "orderID": "\(Self.order)", "amount": 8490}], "refunds": []},
             "logistics": {"bookings": []}}
            """.utf8)
        for forgotten in [[], [Self.order]] as [Set<OrderID>] {
            try await TestDatabase.with(Self.shop) { database in
                var customers = CustomerNotes.State()
                customers.accepted[Self.order] = 1
                let judge = Judge(
                    expectations: Expectations(), shop: .decoupled, customers: customers, startedAt: Date(),
                    windows: [],
                    leftOver: [], forgotten: forgotten)
                let verdict = try await judge.verdict(on: database) {
                    try ProviderLedgers(both: charged).without(forgotten)
                }
                #expect(verdict.violations.isEmpty == !forgotten.isEmpty, "\(verdict.violations)")
            }
        }
    }

    @Test("in the verdict on a run an order that nothing drives on is a violation, and never recovered; both name it")
    func lost() async throws {
        var expectations = Expectations()
        expectations.recovered = .seconds(10)
        let verdict = try await verdict(expectations, lose)
        #expect(verdict.violations.contains { $0.contains(Self.order.description) }, "\(verdict.violations)")
        let finding = try #require(verdict.findings.first { $0.expectation.contains("recovered") })
        #expect(!finding.holds && finding.found == "1 never" && finding.orders == [Self.order.description])
        #expect(verdict.traces.contains { $0.hasPrefix(Self.order.description) })
    }

    @Test(
        "in the verdict on a run a charge that only the provider knows of is a violation, and paid without a delivery")
    func charged() async throws {
        let charge = #"{"id": "ch_1", "orderID": "\#(Self.order)", "amount": 8490}"#
        let ledgers = Data(
            #"{"payment": {"charges": [\#(charge)], "refunds": []}, "logistics": {"bookings": []}}"#.utf8)
        let verdict = try await verdict(Expectations(), ledgers: ledgers, lose)
        #expect(verdict.violations.contains { $0.contains("charge") }, "\(verdict.violations)")
        #expect(verdict.outcome.paidNotDelivered == 1 && verdict.outcome.toUndoByHand == 1)
    }

    @Test("in the verdict on a run a contradiction in the engine's tables is a violation")
    func engine() async throws {
        let verdict = try await verdict(Expectations()) { database in
            try await Broker(database).send("unclaimed", to: Queue<String>("orders"))
            try await database.execute(
                "INSERT INTO mq.completions (queue, lane, seq, outcome) SELECT queue, lane, seq, 'd' FROM mq.messages")
        }
        #expect(
            verdict.violations.contains { $0.hasPrefix("engine: completed without a claim") }, "\(verdict.violations)")
    }

    @Test("in the verdict on a run what is left over, and what customers saw that must not be, are violations")
    func told() async throws {
        let verdict = try await verdict(
            Expectations(), leftOver: ["orders: 3 waiting"], violations: ["one key made two orders"]
        ) { _ in }
        #expect(verdict.violations == ["one key made two orders", "left over: orders: 3 waiting"])
        #expect(verdict.findings.map(\.holds) == [true], "no dead letters")
    }
}
