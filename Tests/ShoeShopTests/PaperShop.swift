import Foundation
import Logging
import MessageQueue
import MessageQueueTesting
import Postgres
import Synchronization
import TestSupport
import Testing

@testable import ShoeShop

/// Both third parties in this process. They keep ledgers, know each order's first request for ever, and let the test have
/// a say in every call, while it is out.
final class PaperProviders: PaymentProvider, LogisticsProvider {
    enum Call: Sendable { case charge, refund, book }
    enum Trouble: Sendable { case unreachable, lostAnswer }
    typealias Say = @Sendable (Call, OrderID) async throws -> Trouble?

    fileprivate struct State {
        var charges: [OrderID: ProviderLedgers.Entry] = [:]
        var refunds: [OrderID: ProviderLedgers.Entry] = [:]
        var bookings: [OrderID: ProviderLedgers.Entry] = [:]
        var unrefundable: Set<OrderID> = []
        var calls: [Call] = []
        var say: Say = { _, _ in nil }
    }
    private let state = Mutex(State())

    func meanwhile(_ say: @escaping Say) { state.withLock { $0.say = say } }

    var calls: [Call] { state.withLock { $0.calls } }
    var ledgers: ProviderLedgers {
        state.withLock {
            ProviderLedgers(
                charges: Array($0.charges.values), refunds: Array($0.refunds.values),
                bookings: Array($0.bookings.values))
        }
    }

    func charge(_ amount: Money, for order: OrderID, token: String) async throws(ProviderError) -> ChargeOutcome {
        try await answer(.charge, order) {
            if token.hasPrefix("tok_declined") { return .declined(reason: "card_declined") }
            if token.hasPrefix("tok_refund_refused") { $0.unrefundable.insert(order) }
            return .charged(chargeID: $0.enter("ch", order, amount, in: \.charges))
        }
    }

    func refund(_ amount: Money, of chargeID: String, for order: OrderID) async throws(ProviderError) -> RefundOutcome {
        try await answer(.refund, order) {
            guard $0.charges[order]?.id == chargeID else { return .refused(reason: "unknown_charge") }
            guard !$0.unrefundable.contains(order) else { return .refused(reason: "refund_refused") }
            return .refunded(refundID: $0.enter("re", order, amount, in: \.refunds))
        }
    }

    func book(_ items: Int, to address: Address, for order: OrderID) async throws(ProviderError) -> BookingOutcome {
        try await answer(.book, order) {
            if address.street.hasPrefix("Nowhere") { return .refused(reason: "undeliverable_address") }
            return .booked(trackingNumber: $0.enter("SHOE", order, nil, in: \.bookings))
        }
    }

    private func answer<T: Sendable>(
        _ call: Call, _ order: OrderID, _ effect: (inout State) -> T
    ) async throws(ProviderError) -> T {
        let say = state.withLock { state in
            state.calls.append(call)
            return state.say
        }
        var trouble: Trouble?
        do { trouble = try await say(call, order) } catch { Issue.record(error) }
        if trouble == .unreachable { throw failure(.unreachable, order) }
        let outcome = state.withLock { effect(&$0) }
        if trouble == .lostAnswer { throw failure(.connectionLost, order) }
        return outcome
    }

    private func failure(_ kind: ProviderError.Kind, _ order: OrderID) -> ProviderError {
        ProviderError(kind: kind, provider: "paper", request: "", idempotencyKey: "\(order)", detail: "")
    }
}

extension PaperProviders.State {
    fileprivate mutating func enter(
        _ name: String, _ order: OrderID, _ amount: Money?,
        in ledger: WritableKeyPath<PaperProviders.State, [OrderID: ProviderLedgers.Entry]>
    ) -> String {
        let entry =
            self[keyPath: ledger][order]
            ?? ProviderLedgers.Entry(id: "\(name)-\(order)", orderID: "\(order)", amount: amount)
        self[keyPath: ledger][order] = entry
        return entry.id
    }
}

/// A shop without workers or processes: a test moves each message itself.
struct PaperShop: Sendable {
    let shop: Shop
    let providers: PaperProviders
    let test: TestBroker

    static func with(_ body: @Sendable (PaperShop) async throws -> Void) async throws {
        try await TestDatabase.with(.openShop) { database in
            var quiet = Logger(label: "paper")
            quiet.logLevel = .critical
            let broker = Broker(database, logger: quiet)
            for queue in [Workflow.payment.name, Workflow.logistics.name, Workflow.refunds.name] {
                try await broker.declare(
                    queue: queue,
                    QueueSettings(retry: RetryPolicy(attempts: 10_000, base: .seconds(1), cap: .seconds(1))))
            }
            let providers = PaperProviders()
            let shop = Shop(broker: broker, database: database, payment: providers, logistics: providers)
            try await body(PaperShop(shop: shop, providers: providers, test: TestBroker(broker)))
        }
    }

    /// In the order of an order's way; the cancellation's own steps last.
    var steps: [any WorkerStep] {
        [
            PriceOrders(shop), ReserveStock(shop), ChargePayment(shop), BookDelivery(shop), DispatchStock(shop),
            IssueInvoices(shop), TrackOrders(shop), RefundPayment(shop), ReleaseStock(shop), CancelPayment(shop),
            CancelBooking(shop),
        ]
    }

    func submit(_ draft: OrderDraft = .good) async throws -> OrderID {
        let outcomes = try await shop.database.write {
            try SubmitOrders(shop.broker).commit([Submission(draft: draft, key: nil, body: [])], in: $0)
        }
        guard case .accepted(let id) = outcomes[0] else { throw NeverHappened(description: "\(outcomes)") }
        return id
    }

    @discardableResult
    func cancel(_ id: OrderID) async throws -> CancellationOutcome {
        try await shop.database.write { try CancelOrder(shop.broker).commit(id, in: $0) }
    }

    /// Cancels, and has that decided at once; or not quite at once, where another call that is out has taken the message.
    func cancelDecidedly(_ id: OrderID) async throws {
        guard try await cancel(id) == .asked else { return }
        do { _ = try await test.handle(with: CancelBooking(shop)) } catch TestError.nothingToHandle {}
    }

    /// Moves one message on, of the first of these steps that has one; false when none has.
    func move(_ steps: [any WorkerStep]) async throws -> Bool {
        let waiting = Set(try await shop.broker.statistics().filter { $0.depth > 0 }.map(\.queue))
        guard let step = steps.first(where: { waiting.contains($0.queueName) }) else { return false }
        _ = try await test.handle(with: step)
        return true
    }

    func finish(_ steps: [any WorkerStep]? = nil) async throws {
        try await test.drain(steps ?? self.steps, advancingUpTo: .hours(1), limit: .seconds(150))
    }

    func order(_ id: OrderID) async throws -> OrderView { try #require(try await OrderReader(shop.database).order(id)) }

    func milestones(of id: OrderID) async throws -> [Milestone] {
        try #require(try await OrderReader(shop.database).events(of: id)).map(\.milestone)
    }

    func violations() async throws -> [String] {
        try await Books.audit(shop.database) { providers.ledgers }.violations.map(\.description)
    }

    /// Where an order has ended, having made sure that its stock, money and parcel agree with that.
    func end(of id: OrderID, _ location: SourceLocation = #_sourceLocation) async throws -> String {
        let status = try await order(id).status
        let ledgers = providers.ledgers
        func count(_ entries: [ProviderLedgers.Entry]) -> Int { entries.count { $0.orderID == "\(id)" } }
        let moved = [count(ledgers.charges), count(ledgers.refunds), count(ledgers.bookings)]
        let shoes = try await shop.database.query("SELECT state FROM stock.reservations WHERE order_id = $1", id) {
            try $0[0, as: String.self]
        }
        if status == "dispatched" {
            #expect(moved == [1, 0, 1] && shoes == ["taken"], "\(moved) \(shoes)", sourceLocation: location)
        } else {
            #expect(moved == [0, 0, 0] || moved == [1, 1, 0], "\(status) \(moved)", sourceLocation: location)
            #expect(!shoes.contains("reserved") && !shoes.contains("taken"), "\(shoes)", sourceLocation: location)
        }
        return status
    }
}
