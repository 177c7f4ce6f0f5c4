import ArgumentParser
import Benchmarks
import Foundation
import Postgres
import ShoeShop
import ShopProcesses

struct BenchAccept: BenchCommand {
    static let configuration = CommandConfiguration(
        commandName: "accept",
        abstract: "POST /orders alone, by 1 to 256 customers at once.",
        discussion: """
            Only the API, its database, and wrk as the customers, each a process of its own. Customers who wait at the same time
            are committed together; the floor is the same API with a transaction for each. Latencies are those of customers who
            wait for their answer before they order again.
            """)

    @Option(help: times.help("Seconds per measurement. Default: 4."), transform: times.read)
    var seconds: Int?
    @OptionGroup var bench: BenchOptions

    private static let times = Allowed.whole(1...86_400)

    var benchmark: any Benchmark { AcceptBenchmark(seconds: seconds) }
}

/// How fast orders are accepted, and how long a customer waits.
struct AcceptBenchmark: Benchmark {
    let name = "accept"
    let about = "POST /orders, by customers of which each waits for the answer"
    var seconds: Int?

    private static let crowd = 64

    func run(in lab: Lab) async throws -> [Reading] {
        guard Wrk.isInstalled else { throw Wrk.missing }
        let alone = try await withAPI(ordersPerTransaction: 1, in: lab) { try await $0(Self.crowd) }
        return try await withAPI(ordersPerTransaction: nil, in: lab) { measure in
            var readings: [Reading] = []
            for customers in [1, 8, Self.crowd, 256] {
                let summary = try await measure(customers)
                readings += Self.readings(summary, customers, floor: customers == Self.crowd ? alone : nil)
            }
            return readings
        }
    }

    private static func readings(_ summary: WrkSummary, _ customers: Int, floor: WrkSummary?) -> [Reading] {
        let rate = Reading(
            "accepted, \(customers) at once", summary.rate, "orders/s", floor: floor?.rate,
            target: floor == nil ? nil : .ratioAtLeast(2))
        let latencies = [
            ("p50", summary.p50, floor?.p50), ("p99", summary.p99, floor?.p99), ("p99.6", summary.p996, floor?.p996),
            ("p99.996", summary.p99996, floor?.p99996),
        ].map { Reading("\($0), \(customers) at once", $1, "ms", floor: $2) }
        return [rate] + latencies
    }

    /// Runs the API over a database of its own; `body` is given a way to measure it with so many customers.
    private func withAPI<T: Sendable>(
        ordersPerTransaction: Int?, in lab: Lab,
        _ body: @escaping @Sendable ((Int) async throws -> WrkSummary) async throws -> T
    ) async throws -> T {
        let seconds = seconds ?? lab.size(4, smoke: 1)
        return try await lab.withDatabase(connections: 2) { database in
            try await Shop.installSamples(in: database)
            let shop = ShopFolder("\(lab.folder)/shop-\(UUID().uuidString)")
            try shop.prepare()
            let port = Ports.free().api
            var environment = ["DATABASE_URL": database.conninfo, "PORT": "\(port)"]
            environment["ORDERS_PER_TRANSACTION"] = ordersPerTransaction.map { "\($0)" }
            let api = try Member("order-api", in: shop, environment: environment)
            return try await Crew(
                members: [api], processGroup: lab.processGroup, screen: Screen(isForProgram: true)
            ).serve {
                try await api.ready()
                return try await body { customers in
                    let rule = ordersPerTransaction == 1 ? "a transaction each" : "committed together"
                    await lab.say("\(customers) customers for \(seconds) s, \(rule)")
                    let wrk = Wrk(address: "http://127.0.0.1:\(port)", connections: customers, lab: lab)
                    let summary = try await wrk.submit(forSeconds: seconds, run: UUID().uuidString)
                    guard summary.failures == 0 else {
                        throw BenchmarkFailure("\(summary.failures) of \(summary.requests) orders were not accepted")
                    }
                    return summary
                }
            }
        }
    }
}
