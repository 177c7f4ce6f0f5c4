import ArgumentParser
import Benchmarks
import Durations
import Foundation
import MessageQueue
import Postgres
import ShoeShop
import ShopProcesses

struct BenchOrders: BenchCommand {
    static let configuration = CommandConfiguration(
        commandName: "orders",
        abstract: "The whole workflow: from POST /orders to the booked delivery, all processes on this machine.",
        discussion: """
            First as many orders as given, as fast as they are accepted; then orders at a constant rate, for the latencies of
            acceptance and pickup. Stock is plentiful; everything else is as in the sample orders. The books are audited.

            With OTEL_EXPORTER_OTLP_ENDPOINT in the environment the processes send their spans there: what tracing costs is
            the difference to a run without it.
            """)

    @Option(
        help: counts.help("Orders submitted as fast as possible. Default: 20000."), transform: counts.read)
    var orders: Int?
    @Option(help: rates.help("Orders per second at the constant rate.", default: 100), transform: rates.read)
    var rate = 100
    @Option(
        name: .customLong("for"), help: spans.help("How long to keep the constant rate. Default: 20s."),
        transform: spans.read)
    var span: Duration?
    @OptionGroup var bench: BenchOptions

    private static let counts = Allowed.whole(1...10_000_000)
    private static let rates = Allowed.whole(1...10_000)
    private static let spans = Allowed.duration(.seconds(1)...(.seconds(3600)))

    var benchmark: any Benchmark { OrdersBenchmark(orders: orders, rate: rate, span: span) }
}

/// The whole shop as processes, over a database of its own.
struct OrdersBenchmark: Benchmark {
    let name = "orders"
    let about = "the whole workflow: from POST /orders to the booked delivery"
    var orders: Int?
    var rate = 100
    var span: Duration?

    private static let customers = 64

    func run(in lab: Lab) async throws -> [Reading] {
        try await lab.withDatabase(connections: 2) { database in
            try await Shop.installSamples(in: database)
            let shop = ShopFolder("\(lab.folder)/shop-\(UUID().uuidString)")
            try shop.prepare()
            let site = Site(shop: shop, database: database.conninfo, ports: Ports.free())
            let conninfo = database.conninfo
            let readings = try await site.open(in: lab.processGroup, on: Screen(isForProgram: true), until: nil) {
                try await Database.lend(conninfo) { database in
                    try await fillShelves(of: database)
                    return try await burst(site, database, lab) + steady(site, database, lab)
                }
            }
            return readings ?? []
        }
    }

    private func fillShelves(of database: Database) async throws {
        try await database.write { session in
            let skus = try session.query("SELECT sku FROM stock.items") { SKU(try $0[0, as: String.self]) }
            try StockItems.restock(Dictionary(uniqueKeysWithValues: skus.map { ($0, 1_000_000) }), in: session)
        }
    }

    // MARK: As fast as possible

    private func burst(_ site: Site, _ database: Database, _ lab: Lab) async throws -> [Reading] {
        let count = orders ?? lab.size(20_000, smoke: 200)
        await lab.say("submitting \(count) orders as fast as they are accepted")
        let before = try await OrderCosts.now(of: site.shop, database)
        let start = ContinuousClock.now
        let accepted = try await submit(count, to: site.addresses.api ?? "", lab)
        let submitted = start.secondsUntilNow
        let samples = SampleRun(site: site, screen: Screen(isForProgram: true), json: true)
        try await samples.watch(database, untilIdle: true)
        let finished = start.secondsUntilNow
        let costs = try await OrderCosts.now(of: site.shop, database).readings(since: before, perOrderOf: count)
        let books = try await samples.audit(database, accepted: accepted)
        guard books.balance else { throw BenchmarkFailure(ClosingReport(books, seconds: finished).text) }
        return [
            Reading("accepted", Double(count) / submitted, "orders/s"),
            Reading(
                "HTTP to booked delivery", Double(count) / finished, "orders/s", target: .valueAtLeast(1500)),
            Reading("delivered, the books balance", Double(books.summary.delivered), "of \(count)"),
        ] + costs + (try await StepCosts.readings(database, orders: count))
    }

    /// By wrk where there is one: it costs a tenth of what a client of our own does on the same processors.
    private func submit(_ count: Int, to api: String, _ lab: Lab) async throws -> [OrderID] {
        guard Wrk.isInstalled else {
            await lab.say("submitting \(count) orders; with wrk installed, the customers would cost less")
            return try await Submission(api: api, run: "burst", customers: Self.customers).submit(bodies(count))
        }
        let places = try await Wrk(address: api, connections: Self.customers, lab: lab).submit(count, run: "burst")
        let accepted = places.compactMap { $0.split(separator: "/").last.flatMap { OrderID(String($0)) } }
        guard accepted.count == count else {
            throw BenchmarkFailure("\(accepted.count) of \(count) orders were accepted")
        }
        return accepted
    }

    private func bodies(_ count: Int) throws -> [Data] {
        let samples = try Samples.orders()
        return (0..<count).map { samples[$0 % samples.count] }
    }

    // MARK: At a constant rate

    /// Open loop: each order is sent when its time has come, whatever became of those before.
    private func steady(_ site: Site, _ database: Database, _ lab: Lab) async throws -> [Reading] {
        let seconds = span?.inSeconds ?? lab.size(20, smoke: 2)
        await lab.say("submitting \(rate) orders per second for \(Span(seconds: seconds).text)")
        let began = try await database.query("SELECT clock_timestamp()") { try $0[0, as: Date.self] }.first ?? Date()
        let submission = Submission(api: site.addresses.api ?? "", run: "steady", customers: 1)
        let orders = try bodies(Int(seconds * Double(rate)))
        let rate = rate
        let start = ContinuousClock.now
        let acceptance = try await withThrowingTaskGroup(of: Double.self) { group in
            for (number, body) in orders.enumerated() {
                let due = start + .seconds(Double(number) / Double(rate))
                try await Task.sleep(until: due, clock: .continuous)
                group.addTask {
                    _ = try await submission.submit(body, key: "steady-\(number)")
                    return due.secondsUntilNow * 1000
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        try await SampleRun(site: site, screen: Screen(isForProgram: true), json: true).watch(
            database, untilIdle: true)
        let pickup = try await database.query(Self.pickups, began) { try $0[0, as: Double.self] }
        return [("acceptance", acceptance), ("pickup", pickup)].flatMap { name, values in
            let distribution = Distribution(values)
            return [0.5, 0.99].map { share in
                Reading("\(name) p\(Int(share * 100)) at \(rate)/s", distribution.percentile(share), "ms")
            }
        }
    }

    /// From the start of the transaction that sent a message to the start of the one that claimed it, in milliseconds,
    /// first attempts of all queues.
    private static let pickups: Statement = """
        SELECT extract(epoch FROM c.claimed_at - m.appended_at)::float8 * 1000
        FROM mq.messages m JOIN mq.claims c ON c.queue = m.queue AND c.lane = m.lane AND m.seq BETWEEN c.first_seq AND c.last_seq
        WHERE m.appended_at > $1 AND m.attempt = 1
        """
}
