import ArgumentParser
import AsyncHTTPClient
import Benchmarks
import Foundation
import MessageQueue
import Postgres

struct BenchGateway: BenchCommand {
    static let configuration = CommandConfiguration(
        commandName: "gateway", abstract: "Sending, receiving and deleting over HTTP; how soon long polls wake up.",
        discussion: """
            The gateway as a process, and wrk as its clients, who speak MNS over 1, 16 and 64 connections. The floor is the library
            itself in this process, as many tasks at a time, over the same number of database connections. Of a long poll the floor is
            a bare NOTIFY and its answer. In the end 10,000 clients (--waiting) wait, which needs as many open files: ulimit -n.
            """)

    @Option(help: times.help("Seconds per measurement. Default: 3."), transform: times.read)
    var seconds: Int?
    @Option(help: counts.help("How many wait in the end. Default: 10000."), transform: counts.read)
    var waiting: Int?
    @OptionGroup var bench: BenchOptions

    private static let times = Allowed.whole(1...600)
    private static let counts = Allowed.whole(1...18_000)

    var benchmark: any Benchmark { GatewayBenchmark(seconds: seconds, waiting: waiting) }
}

/// What HTTP costs beside the library's own calls.
struct GatewayBenchmark: Benchmark {
    let name = "gateway"
    let about = "messages of 200 bytes over HTTP; floor: the library's own calls, as many at a time"
    var seconds: Int?
    var waiting: Int?

    static let queue = Queue<RawBody>("bench")
    private static let idle = Queue<RawBody>("idle")

    func run(in lab: Lab) async throws -> [Reading] {
        guard Wrk.isInstalled else { throw Wrk.missing }
        return try await GatewayRun.with(lab) { gateway in
            try await gateway.broker.declare(queue: Self.queue.name)
            var readings: [Reading] = []
            for clients in [1, 16, 64] {
                for load in GatewayLoad.all { readings.append(try await measure(load, clients, gateway, lab)) }
            }
            readings += try await wakeUps("alone", gateway, lab)
            readings += try await lab.besideBusyCore { try await wakeUps("busy core", gateway, lab) }
            return try await readings + waits(gateway, lab)
        }
    }

    private func measure(
        _ load: GatewayLoad, _ clients: Int, _ gateway: GatewayRun, _ lab: Lab
    ) async throws -> Reading {
        await lab.say("\(load.name), \(clients) at once")
        let seconds = seconds ?? lab.size(3, smoke: 1)
        // What is received has to be there.
        let stock = load.takes ? lab.size(50_000, smoke: 10_000) * seconds : 0
        try await GatewayLoad.store(stock, gateway.broker)
        let floor = try await load.throughLibrary(gateway.broker, tasks: clients, seconds: seconds)
        _ = try await gateway.broker.purge(waitingIn: Self.queue.name)
        try await GatewayLoad.store(stock, gateway.broker)
        let wrk = Wrk(address: gateway.address, connections: clients, lab: lab)
        let summary = try await wrk.play(try load.script(gateway), forSeconds: seconds)
        guard summary.failures == 0 else {
            throw BenchmarkFailure("\(load.name): \(summary.failures) of \(summary.requests) requests failed")
        }
        _ = try await gateway.broker.purge(waitingIn: Self.queue.name)
        return Reading(
            "\(load.name), \(clients) at once", summary.rate * load.messagesPerRequest, "messages/s", floor: floor)
    }

    // MARK: Waiting

    /// From the commit of a send to the answer of a client that has waited for it.
    private func wakeUps(_ name: String, _ gateway: GatewayRun, _ lab: Lab) async throws -> [Reading] {
        await lab.say("long polls, \(name)")
        let http = FollowerCrowd.http()
        let count = lab.size(500, smoke: 10)
        let result: Result<[Double], any Error>
        do { result = .success(try await times(count, gateway, http)) } catch { result = .failure(error) }
        try await http.shutdown()
        let all = Distribution(try result.get())
        let floor = Distribution(try await NotifyFloor.roundTrips(count, 50, on: gateway.database.conninfo))
        return [(0.5, "p50"), (0.99, "p99")].map { share, percentile in
            Reading(
                "commit to answer of a long poll, \(percentile), \(name)", all.percentile(share), "ms",
                floor: floor.percentile(share))
        }
    }

    private func times(_ count: Int, _ gateway: GatewayRun, _ http: HTTPClient) async throws -> [Double] {
        try await gateway.broker.declare(queue: "waited-for")
        let poll = try gateway.signed("GET", "/queues/waited-for/messages?waitseconds=30")
        var times: [Double] = []
        for _ in 0..<count {
            async let answer = {
                let status = try await gateway.ask(poll, through: http).status
                return (status, ContinuousClock.now)
            }()
            // By then it waits.
            try await Task.sleep(for: .milliseconds(20))
            try await gateway.broker.send([GatewayLoad.message], to: Queue<RawBody>("waited-for"))
            let committed = ContinuousClock.now
            let (status, at) = try await answer
            guard status == 200 else { throw BenchmarkFailure("a long poll was answered \(status)") }
            times.append(max(0, (at - committed) / .milliseconds(1)))
        }
        return times
    }

    /// What many cost that only wait.
    private func waits(_ gateway: GatewayRun, _ lab: Lab) async throws -> [Reading] {
        let (count, seconds) = (waiting ?? lab.size(10_000, smoke: 100), lab.size(8.0, smoke: 1.0))
        try await gateway.broker.declare(queue: Self.idle.name)
        // What was done before is counted within ten seconds (PGSTAT_IDLE_INTERVAL in the server's pgstat.c).
        try await Task.sleep(for: .seconds(lab.size(11, smoke: 1)))
        let floor = try await waiting(1, gateway) { try await gateway.database.transactionsASecond(over: seconds) }
        let few = try gateway.memory()
        await lab.say("\(count) clients wait")
        return try await waiting(count, gateway) {
            let memory = Double(try gateway.memory() - few) / Double(count) / 1024
            return [
                Reading("memory of a client that waits, of \(count)", memory, "KiB"),
                Reading(
                    "transactions, \(count) clients wait",
                    try await gateway.database.transactionsASecond(over: seconds), "a second",
                    floor: floor, target: .ratioAtMost(1.2)),
            ]
        }
    }

    /// Lets so many wait while `body` runs; then a message for each ends it.
    private func waiting<T: Sendable>(
        _ count: Int, _ gateway: GatewayRun, _ body: @escaping @Sendable () async throws -> T
    ) async throws -> T {
        let http = FollowerCrowd.http()
        let poll = try gateway.signed("GET", "/queues/\(Self.idle.name)/messages?waitseconds=30")
        let result: Result<T, any Error>
        do {
            result = .success(
                try await withThrowingTaskGroup(of: UInt.self) { group in
                    for _ in 0..<count { group.addTask { try await gateway.ask(poll, through: http).status } }
                    // All have come by then: a gateway takes in some thousands a second.
                    try await Task.sleep(for: .seconds(1 + Double(count) / 1000))
                    let value = try await body()
                    try await GatewayLoad.store(count, in: Self.idle, gateway.broker)
                    for status in try await group.reduce(into: [UInt](), { $0.append($1) })
                    where ![200, 404].contains(status) { throw BenchmarkFailure("a wait was answered \(status)") }
                    return value
                })
        } catch { result = .failure(error) }
        try await http.shutdown()
        return try result.get()
    }
}
