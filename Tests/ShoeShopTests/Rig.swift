import AsyncHTTPClient
import Foundation
import Logging
import MessageQueue
import MessageQueueTesting
import NIOCore
import NIOHTTP1
import Postgres
import ServiceLifecycle
import ShoeShop
import TestSupport
import Testing

/// Every test here runs a provider-sandbox of its own; on a small machine they would only starve each other.
@Suite("The shop with its database and its providers", .serialized, .timeLimit(.minutes(10)))
enum WholeShopTests {}

/// A shop in this process, on a database of its own, with a provider-sandbox in a process of its own.
struct Rig: Sendable {
    let shop: Shop
    let sandbox: Sandbox

    var database: Database { shop.database }
    var broker: Broker { shop.broker }
    /// Runs steps without a worker, where a test wants to say which and when.
    var test: TestBroker { TestBroker(broker) }

    /// - Parameter deadline: how long a call to a provider may take; short only where a provider hangs.
    static func with<T: Sendable>(
        deadline: Duration = .seconds(120), _ body: @escaping @Sendable (Rig) async throws -> T
    ) async throws -> T {
        try await TestDatabase.with(.openShop) { try await with($0, deadline: deadline, body) }
    }

    static func with<T: Sendable>(
        _ database: Database, deadline: Duration = .seconds(120), _ body: @escaping @Sendable (Rig) async throws -> T
    ) async throws -> T {
        try await Sandbox.with { sandbox in
            let payment = PaymentClient(url: sandbox.payment, deadline: deadline)
            let logistics = LogisticsClient(url: sandbox.logistics, deadline: deadline)
            return try await body(
                Rig(
                    shop: Shop(
                        broker: Broker(database, logger: quiet), database: database, payment: payment,
                        logistics: logistics),
                    sandbox: sandbox))
        }
    }

    /// Trouble is what these tests are about; the worker tells of it in its events.
    private static var quiet: Logger {
        var logger = Logger(label: "rig")
        logger.logLevel = .critical
        return logger
    }

    /// All steps of the shop.
    var steps: [any WorkerStep] {
        [
            PriceOrders(shop), TrackOrders(shop), IssueInvoices(shop), ReserveStock(shop), ReleaseStock(shop),
            DispatchStock(shop), ChargePayment(shop), RefundPayment(shop), CancelPayment(shop), BookDelivery(shop),
            CancelBooking(shop),
        ]
    }

    /// Runs the steps beside `body`, which can wait for what they do.
    func working<T: Sendable>(
        _ steps: [any WorkerStep]? = nil, _ body: @escaping @Sendable (Work) async throws -> T
    ) async throws -> T {
        let worker = Worker("rig", broker: broker, steps: steps ?? self.steps)
        let services = ServiceGroup(services: [worker], logger: Self.quiet)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await services.run() }
            let outcome: Result<T, any Error>
            do { outcome = .success(try await body(Work(rig: self))) } catch {
                outcome = .failure(error)
            }
            await services.triggerGracefulShutdown()
            try await group.waitForAll()
            return try outcome.get()
        }
    }

    /// Accepts orders, all in one transaction.
    func submit(_ drafts: [OrderDraft]) async throws -> [OrderID] {
        let submissions = drafts.map { Submission(draft: $0, key: nil, body: []) }
        let outcomes = try await database.write { try SubmitOrders(broker).commit(submissions, in: $0) }
        return try outcomes.map { outcome in
            guard case .accepted(let id) = outcome else { throw NotAccepted(outcome: outcome) }
            return id
        }
    }

    private struct NotAccepted: Error { let outcome: SubmissionOutcome }

    func audit(accepted: [OrderID] = []) async throws -> Books {
        try await Books.audit(database, accepted: accepted) { try await sandbox.ledgers() }
    }

    func expectBalance(_ accepted: [OrderID], _ location: SourceLocation = #_sourceLocation) async throws {
        let books = try await audit(accepted: accepted)
        #expect(books.violations.map(\.description) == [], sourceLocation: location)
        #expect(books.summary.lost == 0, sourceLocation: location)
    }

    func order(_ id: OrderID) async throws -> OrderView {
        try #require(try await OrderReader(database).order(id))
    }

    func milestones(of id: OrderID) async throws -> [Milestone] {
        try #require(try await OrderReader(database).events(of: id)).map(\.milestone)
    }

    /// On hand, reserved, taken.
    func stock(_ sku: SKU) async throws -> [Int] {
        try await database.query("SELECT on_hand, reserved, taken FROM stock.items WHERE sku = $1", sku.code) { row in
            [try row[0], try row[1], try row[2]]
        }[0]
    }

    func count(_ statement: Statement) async throws -> Int { try await database.query(statement) { try $0[0] }[0] }
}

/// Steps at work.
struct Work: Sendable {
    let rig: Rig

    /// Looks again and again until it is so: what brings it about may be another worker's doing.
    func until(_ isSo: () async throws -> Bool) async throws {
        try await eventually("the steps bring it about", within: .seconds(300), every: .milliseconds(50), isSo)
    }

    /// Nothing waits any more, is on its way, scheduled or retrying.
    func untilDrained() async throws {
        try await until {
            try await rig.broker.statistics().allSatisfy { $0.depth + $0.inFlight + $0.scheduled + $0.retrying == 0 }
        }
    }
}

extension Template {
    static let openShop = Template("open-shop", migrations: Migrator.shop.lines) {
        try await $0.openShop()
    }
}

extension Database {
    /// Two articles; what a third party fails at is given up after four attempts, 20 ms and more apart.
    func openShop() async throws {
        let broker = Broker(self)
        try await broker.declare(Topology.shop)
        for queue in [Workflow.payment.name, Workflow.logistics.name, Workflow.refunds.name] {
            try await broker.declare(
                queue: queue, QueueSettings(retry: RetryPolicy(attempts: 4, base: .milliseconds(20), cap: .seconds(1))))
        }
        let catalogue = try Catalogue(
            json: Data(
                #"""
                {"models": [{"code": "RUNNER", "colourCode": "TAN", "name": "Meridian Runner", "colour": "tan",
                             "price": 8490, "sizes": [{"size": 42, "stock": 20}, {"size": 43, "stock": 1}]}]}
                """#.utf8))
        try await write { catalogue.open(in: $0) }
    }
}

extension SKU {
    static let many: SKU = "RUNNER-42-TAN"
    static let last: SKU = "RUNNER-43-TAN"
}

extension OrderDraft {
    static func of(
        _ lines: [(SKU, Int)] = [(.many, 1)], token: String = "tok_visa", street: String = "Lindenstraße 12"
    ) -> OrderDraft {
        OrderDraft(
            customer: Customer(name: "Lena Schneider", email: "lena@example.com"),
            address: Address(
                recipient: "Lena Schneider", street: street, city: "Leipzig", postcode: "04229", country: "DE"),
            lines: lines.map { OrderLine(sku: $0.0, quantity: $0.1) }, paymentToken: token)
    }

    static let good = of()
    static let undeliverable = of(street: "Nowhere 1")
}
