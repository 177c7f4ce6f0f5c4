import ArgumentParser
import AsyncHTTPClient
import Benchmarks
import Foundation
import LocalPostgres
import Postgres
import ShoeShop
import ShopProcesses

struct BenchFollowers: BenchCommand {
    static let configuration = CommandConfiguration(
        commandName: "followers", abstract: "Devices that follow their customers' timelines, at two API processes.",
        discussion: """
            First 1,000 followers are told of events at a constant rate, alone and beside a busy core; then they hang up and come
            again all the time, while an API is killed, the other one is told to stop, and the database is restarted: none may miss
            an event or be told one twice. Then 10,000 (--followers) only wait: what does one cost?
            """)

    @Option(help: counts.help("How many wait in the end. Default: 10000."), transform: counts.read)
    var followers: Int?
    @OptionGroup var bench: BenchOptions

    private static let counts = Allowed.whole(1...18_000)

    var benchmark: any Benchmark { FollowersBenchmark(many: followers) }
}

/// A server and two APIs of its own, since all of them are to fail.
struct FollowersBenchmark: Benchmark {
    let name = "followers"
    let about = "devices that follow their customers' timelines, at two API processes"
    var many: Int?

    private static let rate = 50.0

    func run(in lab: Lab) async throws -> [Reading] {
        try await FollowedShop.with(lab) { shop in
            let http = FollowerCrowd.http()
            let result: Result<[Reading], any Error>
            do { result = .success(try await measure(shop, http, lab)) } catch { result = .failure(error) }
            try await http.shutdown()
            return try result.get()
        }
    }

    private func measure(_ shop: FollowedShop, _ http: HTTPClient, _ lab: Lab) async throws -> [Reading] {
        let customers = FollowedCustomers(shop.database)
        let tokens = try await customers.come(lab.size(100, smoke: 5))
        let crowd = FollowerCrowd(
            devices: (0..<lab.size(1000, smoke: 40)).map { number in
                let customer = number % tokens.count
                return FollowerDevice(number, of: customer, token: tokens[customer], at: shop.doors, through: http)
            })
        let told = try await crowd.follow {
            try await crowd.reach(try await customers.places(), within: .seconds(120))
            var readings = try await latencies("alone", customers, crowd, lab)
            readings += try await lab.besideBusyCore { try await latencies("busy core", customers, crowd, lab) }
            return try await readings + troubles(shop, customers, crowd, lab)
        }
        return try await told + costs(shop, customers, tokens, http, lab)
    }

    // MARK: How soon

    private func latencies(
        _ name: String, _ customers: FollowedCustomers, _ crowd: FollowerCrowd, _ lab: Lab
    ) async throws -> [Reading] {
        await lab.say("\(Int(Self.rate)) events/s to \(crowd.devices.count) followers, \(name)")
        for device in crowd.devices { device.time(true) }
        let before = try await customers.places()
        _ = try await customers.happen(Self.rate, for: lab.size(20, smoke: 1))
        try await crowd.reach(try await customers.places(), within: .seconds(60))
        for device in crowd.devices { device.time(false) }
        let commits = await customers.commits()
        let delays = crowd.devices.flatMap { device in
            device.seen.times.compactMap { place, at -> Double? in
                guard place > before[device.customer] else { return nil }
                return commits[device.customer][place].map { max(0, (at - $0) / .milliseconds(1)) }
            }
        }
        guard !delays.isEmpty else { throw BenchmarkFailure("nobody was told anything") }
        let all = Distribution(delays)
        return [
            Reading("commit to follower, p50, \(name)", all.median, "ms"),
            Reading("commit to follower, p99, \(name)", all.percentile(0.99), "ms"),
        ]
    }

    // MARK: Troubles

    private func troubles(
        _ shop: FollowedShop, _ customers: FollowedCustomers, _ crowd: FollowerCrowd, _ lab: Lab
    ) async throws -> [Reading] {
        for (number, device) in crowd.devices.enumerated() { device.hurry(2 + number % 9) }
        let seconds = lab.size(40.0, smoke: 6)
        await lab.say("\(crowd.devices.count) followers come and go, while processes die")
        async let events = customers.happen(Self.rate, for: seconds)
        try await Task.sleep(for: .seconds(seconds / 5))
        try shop.signal(0, SIGKILL)
        try await Task.sleep(for: .seconds(seconds / 5))
        try await shop.restartServer()
        try await Task.sleep(for: .seconds(seconds / 5))
        try shop.signal(1, SIGTERM)
        let count = try await events
        // Each API is there again.
        for api in shop.apis { try await api.ready() }
        try await crowd.reach(try await customers.places(), within: .seconds(120))
        let sums = crowd.sums
        guard sums.lost == 0, sums.twice == 0 else {
            throw BenchmarkFailure("\(sums.lost) events were missed, \(sums.twice) told twice")
        }
        return [
            Reading("events while processes died", Double(count), "events"),
            Reading("told, over all", Double(sums.told), "times"), Reading("lost", Double(sums.lost), "events"),
            Reading("told twice", Double(sums.twice), "events"),
            Reading("connections, over all", Double(sums.connections), "times"),
        ]
    }

    // MARK: Costs

    /// New devices, at one door: they begin with all that was.
    private func crowd(
        _ count: Int, _ tokens: [String], _ shop: FollowedShop, _ http: HTTPClient
    ) -> FollowerCrowd {
        let devices = (0..<count).map { number in
            let customer = number % tokens.count
            return FollowerDevice(number, of: customer, token: tokens[customer], at: [shop.doors[0]], through: http)
        }
        return FollowerCrowd(devices: devices)
    }

    private func costs(
        _ shop: FollowedShop, _ customers: FollowedCustomers, _ tokens: [String], _ http: HTTPClient, _ lab: Lab
    ) async throws -> [Reading] {
        let count = many ?? lab.size(10_000, smoke: 200)
        let places = try await customers.places()
        let (one, all) = (crowd(1, tokens, shop, http), crowd(count, tokens, shop, http))
        let (floor, few) = try await one.follow {
            try await one.reach(places, within: .seconds(60))
            return (try await shop.database.transactionsASecond(over: lab.size(20, smoke: 2)), try shop.memory(0))
        }
        await lab.say("\(count) followers at one API")
        let start = ContinuousClock.now
        return try await all.follow {
            try await all.reach(places, within: .seconds(600))
            let joined = start.secondsUntilNow
            let memory = Double(try shop.memory(0) - few) / Double(count)
            let statements = try await shop.database.transactionsASecond(over: lab.size(20, smoke: 2))
            let before = try shop.processor(0)
            let events = try await customers.happen(10, for: lab.size(20, smoke: 2))
            try await all.reach(try await customers.places(), within: .seconds(120))
            let processor = try shop.processor(0) - before
            return [
                Reading("\(count) have joined and read all", joined, "s"),
                Reading("memory of a follower", memory / 1024, "KiB"),
                Reading(
                    "statements, \(count) followers", statements, "a second", floor: floor, target: .ratioAtMost(1.2)),
                Reading(
                    "processor of an event, \(count / tokens.count) followers each", processor / Double(events) * 1000,
                    "ms"),
            ]
        }
    }
}
