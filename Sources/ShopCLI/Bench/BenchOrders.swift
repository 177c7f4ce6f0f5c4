import ArgumentParser
import Foundation
import LocalPostgres
import MessageQueue
import Postgres
import ShoeShop

struct BenchOrders: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "orders",
        abstract: "The whole workflow: from POST /orders to the booked delivery, all processes on this machine.",
        discussion: """
            First as many orders as given, as fast as they are accepted; then orders at a constant rate, for the latencies of
            acceptance and pickup. Stock is plentiful; everything else is as in the sample orders. The books are audited.
            """)

    @Option(help: "Orders submitted as fast as possible.")
    var orders = 20_000
    @Option(help: "Orders per second at the constant rate.")
    var rate = 100
    @Option(name: .customLong("for"), help: "How long to keep the constant rate.")
    var span = Span(seconds: 20)
    @Flag(help: "Keep the database in memory, under /dev/shm.")
    var tmpfs = false
    @OptionGroup var output: Output

    func run() async throws {
        let place = tmpfs ? "/dev/shm" : FileManager.default.temporaryDirectory.path
        let shop = ShopFolder("\(place)/shoeshop-bench-\(ProcessInfo.processInfo.processIdentifier)")
        try shop.prepare()
        defer { try? FileManager.default.removeItem(atPath: shop.path) }
        let lock = try await FolderLock.acquire(shop.lock)
        let postgres = try await Foundations.lay(in: shop, holding: lock)
        let report: BenchReport?
        do {
            report = try await measure(in: shop, postgres.conninfo, lock)
        } catch {
            try await postgres.clear()
            throw error
        }
        try await postgres.clear()
        guard let report else { throw ExitCode.failure }
        try output.show(report) { report.table }
        if !output.json { print(report.footer) }
    }

    private func measure(
        in shop: ShopFolder, _ conninfo: String, _ lock: borrowing FolderLock
    ) async throws -> BenchReport? {
        let group = try await DeathWatch.start(["/bin/sh", "-c", "kill -KILL 0"], holding: lock)
        let site = Site(shop: shop, database: conninfo, ports: Ports.free())
        let screen = Screen(isForProgram: output.json)
        let report = try await site.open(in: group.processGroup, on: screen, until: StopSignal()) {
            try await Database.lend(conninfo) { database in
                try await fillShelves(of: database)
                let burst = try await burst(site, database, screen)
                let steady = try await steady(site, database, screen)
                let server = try await database.query("SHOW server_version") { try $0[0, as: String.self] }.first ?? ""
                return BenchReport(benchmark: "orders", figures: burst + steady, server: server)
            }
        }
        try group.standDown()
        return report
    }

    private func fillShelves(of database: Database) async throws {
        try await database.write { session in
            let skus = try session.query("SELECT sku FROM stock.items") { SKU(try $0[0, as: String.self]) }
            try StockItems.restock(Dictionary(uniqueKeysWithValues: skus.map { ($0, 1_000_000) }), in: session)
        }
    }

    // MARK: As fast as possible

    private func burst(_ site: Site, _ database: Database, _ screen: Screen) async throws -> [Figure] {
        await screen.notice("Submitting \(orders) orders as fast as they are accepted.")
        let start = ContinuousClock.now
        let accepted = try await Submission(api: site.addresses.api ?? "", run: "burst", customers: 64).submit(
            bodies(orders))
        let submitted = start.secondsSince
        try await Performance(site: site, screen: screen, json: output.json).watch(database, untilIdle: true)
        let finished = start.secondsSince
        await screen.settle()
        let books = try await Performance(site: site, screen: screen, json: true).audit(database, accepted: accepted)
        guard books.balance else {
            await screen.notice(ClosingReport(books, seconds: finished).text)
            throw ExitCode.failure
        }
        return [
            Figure(name: "accepted", value: Double(orders) / submitted, unit: "orders/s"),
            Figure(name: "HTTP to booked delivery", value: Double(orders) / finished, unit: "orders/s"),
            Figure(
                name: "delivered", value: Double(books.summary.delivered), unit: "of \(orders) orders, books balance"),
        ]
    }

    private func bodies(_ count: Int) throws -> [Data] {
        let samples = try Samples.orders()
        return (0..<count).map { samples[$0 % samples.count] }
    }

    // MARK: At a constant rate

    /// Open loop: each order is sent when its time has come, whatever became of those before.
    private func steady(_ site: Site, _ database: Database, _ screen: Screen) async throws -> [Figure] {
        await screen.notice("Submitting \(rate) orders per second for \(span.text).")
        let began = try await database.query("SELECT clock_timestamp()") { try $0[0, as: Date.self] }.first ?? Date()
        let submission = Submission(api: site.addresses.api ?? "", run: "steady", customers: 1)
        let orders = try bodies(Int(span.seconds * Double(rate)))
        let rate = rate
        let start = ContinuousClock.now
        let acceptance = try await withThrowingTaskGroup(of: Double.self) { group in
            for (number, body) in orders.enumerated() {
                let due = start + .seconds(Double(number) / Double(rate))
                try await Task.sleep(until: due, clock: .continuous)
                group.addTask {
                    _ = try await submission.submit(body, key: "steady-\(number)")
                    return due.secondsSince * 1000
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }.sorted()
        }
        try await Performance(site: site, screen: screen, json: output.json).watch(database, untilIdle: true)
        await screen.settle()
        let pickup = try await database.query(Self.pickups, began) { try $0[0, as: Double.self] }
        return [("acceptance", acceptance), ("pickup", pickup)].flatMap { name, values in
            [0.5, 0.99].map { share in
                Figure(name: "\(name) p\(Int(share * 100)) at \(rate)/s", value: values.percentile(share), unit: "ms")
            }
        }
    }

    /// From the start of the transaction that sent a message to the start of the one that claimed it, in milliseconds,
    /// first attempts of all queues, sorted.
    private static let pickups: Statement = """
        SELECT extract(epoch FROM c.claimed_at - m.appended_at)::float8 * 1000 AS wait
        FROM mq.messages m JOIN mq.claims c ON c.queue = m.queue AND c.lane = m.lane AND m.seq BETWEEN c.first_seq AND c.last_seq
        WHERE m.appended_at > $1 AND m.attempt = 1 ORDER BY wait
        """
}

extension ContinuousClock.Instant {
    fileprivate var secondsSince: Double { Double((ContinuousClock.now - self) / .microseconds(1)) / 1_000_000 }
}
