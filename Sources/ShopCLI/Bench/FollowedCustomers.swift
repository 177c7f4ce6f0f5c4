import Benchmarks
import Foundation
import MessageQueue
import Postgres
import ShoeShop

/// Customers to whose orders things happen, one after the other.
actor FollowedCustomers {
    struct Customer {
        let id: CustomerID
        let token: String
        var order: OrderID
        var milestone = 0
    }

    nonisolated let database: Database
    private var customers: [Customer] = []
    private var committed: [[Int64: ContinuousClock.Instant]] = []
    private var next = 0

    private static let way: [Milestone] = [.received, .priced, .reserved, .paid, .dispatched]

    init(_ database: Database) { self.database = database }

    /// Each with a first order.
    func come(_ count: Int) async throws -> [String] {
        for _ in 0..<count {
            let submitter = Submitter.new()
            let order = try await submit(as: submitter)
            customers.append(Customer(id: submitter.id, token: submitter.token?.text ?? "", order: order))
        }
        committed = Array(repeating: [:], count: count)
        return customers.map(\.token)
    }

    private func submit(as submitter: Submitter) async throws -> OrderID {
        let draft = OrderDraft(
            customer: Customer.somebody, address: Customer.somewhere,
            lines: [OrderLine(sku: SKU("RUNNER-42-TAN"), quantity: 1)], paymentToken: "tok_visa_1")
        let submission = ShoeShop.Submission(draft: draft, key: nil, body: [], submitter: submitter)
        let orders = SubmitOrders(Broker(database))
        let outcomes = try await database.write(within: .seconds(5)) { try orders.commit([submission], in: $0) }
        guard case .accepted(let id) = outcomes.first else { throw BenchmarkFailure("an order was not accepted") }
        return id
    }

    /// The next thing happens, to the next customer. What fails is tried again at his next turn.
    func happen() async throws {
        let number = next
        next = (next + 1) % customers.count
        var customer = customers[number]
        if customer.milestone + 1 < Self.way.count {
            let (order, milestone) = (customer.order, Self.way[customer.milestone + 1])
            try await database.write(within: .seconds(5)) { session in
                OrderRecords.record([(order, TimelineEntry(milestone, at: Date()))], in: session)
            }
            customer.milestone += 1
        } else {
            customer.order = try await submit(as: .known(customer.id))
            customer.milestone = 0
        }
        customers[number] = customer
        let place = Int64(committed[number].count + 2)
        committed[number][place] = .now
    }

    /// Things happen at a rate, for so long; answers how many did.
    func happen(_ perSecond: Double, for seconds: Double) async throws -> Int {
        let start = ContinuousClock.now
        var count = 0
        for number in 0..<Int(perSecond * seconds) {
            try await Task.sleep(until: start + .seconds(Double(number) / perSecond), clock: .continuous)
            do {
                try await happen()
                count += 1
            } catch is PostgresError {}
        }
        return count
    }

    /// When an event was known to be stored; of use as long as none has failed.
    func commits() -> [[Int64: ContinuousClock.Instant]] { committed }

    /// The last place of each.
    func places() async throws -> [Int64] {
        let reader = TimelineReader(database)
        var places: [Int64] = []
        for customer in customers {
            var place: Int64 = 0
            while let last = try await reader.events(of: customer.id, after: place).last { place = last.place }
            places.append(place)
        }
        return places
    }
}

extension FollowedCustomers.Customer {
    static let somebody = ShoeShop.Customer(name: "Ada", email: "ada@example.com")
    static let somewhere = Address(recipient: "Ada", street: "Way 1", city: "Bonn", postcode: "53111", country: "DE")
}
