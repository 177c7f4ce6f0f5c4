import Benchmarks
import MessageQueue
import Postgres
import ShoeShop

/// Orders beside what is stored in the queues: many that are over, and one that was placed just now.
struct StoredOrders {
    let count: Int

    private static let customer = FollowedCustomers.Customer.somebody
    /// Of whoever placed the last one, and none of the others.
    static var address: String { customer.email }

    /// - Returns: the order that was placed just now.
    func fill(_ broker: Broker) async throws -> OrderID {
        try await broker.database.execute(Self.store, Int64(count))
        let draft = OrderDraft(
            customer: Self.customer, address: FollowedCustomers.Customer.somewhere,
            lines: [OrderLine(sku: SKU("RUNNER-42-TAN"), quantity: 1)], paymentToken: "tok_visa_1")
        let submission = ShoeShop.Submission(draft: draft, key: nil, body: [])
        let outcomes = try await broker.database.write {
            try SubmitOrders(broker).commit([submission], in: $0)
        }
        guard case .accepted(let id) = outcomes.first else { throw BenchmarkFailure("an order was not accepted") }
        return id
    }

    private static let store: Statement = """
        INSERT INTO orders.orders (id, status, placed_at, customer_name, customer_email, recipient, street, city, postcode, country,
            total_cents)
        SELECT ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'dispatched', now() - interval '3 days',
            'Customer ' || n % 100000, 'customer-' || n % 100000 || '@example.com', 'Customer ' || n % 100000, 'Way 1', 'Bonn', '53111',
            'DE', 8490
        FROM generate_series(1, $1::bigint) AS n
        """
}
