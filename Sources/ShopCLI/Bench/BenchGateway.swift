import ArgumentParser
import AsyncHTTPClient
import Benchmarks
import Foundation
import MessageQueue
import Postgres

struct BenchGateway: BenchCommand {
    static let configuration = CommandConfiguration(
        commandName: "gateway",
        abstract: "Sending, publishing, receiving and deleting over HTTP; how soon long polls wake up.",
        discussion: """
            The gateway as a process, and wrk as its clients, who speak MNS and RocketMQ over 1, 16 and 64 connections. Queues, a
            topic with a queue that hears it, and a group of consumers are made by signed calls, as clients make them. The floor is
            the library itself in this process, in the same queues, as many tasks at a time, over the same number of database
            connections. Of a long poll the floor is a bare NOTIFY and its answer. In the end 10,000 clients (--waiting) wait, which
            needs as many open files: ulimit -n.
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

    func run(in lab: Lab) async throws -> [Reading] {
        guard Wrk.isInstalled else { throw Wrk.missing }
        return try await GatewayRun.with(lab) { gateway in
            try await GatewayPlaces.make(by: gateway)
            var readings: [Reading] = []
            for clients in lab.size([1, 16, 64], smoke: [16]) {
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
        try await GatewayLoad.store(stock, in: load.queue, gateway.broker)
        let floor = try await load.throughLibrary(gateway.broker, tasks: clients, seconds: seconds)
        _ = try await gateway.broker.purge(waitingIn: load.queue.name)
        try await GatewayLoad.store(stock, in: load.queue, gateway.broker)
        let wrk = Wrk(address: gateway.address, connections: clients, lab: lab)
        let summary = try await wrk.play(try load.script(gateway), forSeconds: seconds)
        guard summary.failures == 0 else {
            throw BenchmarkFailure("\(load.name): \(summary.failures) of \(summary.requests) requests failed")
        }
        _ = try await gateway.broker.purge(waitingIn: load.queue.name)
        return Reading(
            "\(load.name), \(clients) at once", summary.rate * load.messagesPerRequest, "messages/s", floor: floor)
    }

    // MARK: Waiting

    /// From the commit of a send to the answer of a client that has waited for it.
    private func wakeUps(_ name: String, _ gateway: GatewayRun, _ lab: Lab) async throws -> [Reading] {
        await lab.say("long polls, \(name)")
        let count = lab.size(500, smoke: 10)
        let all = Distribution(try await GatewayRun.withClient { try await times(count, gateway, $0) })
        let floor = Distribution(try await NotifyFloor.roundTrips(count, 50, on: gateway.database.conninfo))
        return [(0.5, "p50"), (0.99, "p99")].map { share, percentile in
            Reading(
                "commit to answer of a long poll, \(percentile), \(name)", all.percentile(share), "ms",
                floor: floor.percentile(share))
        }
    }

    private func times(_ count: Int, _ gateway: GatewayRun, _ http: HTTPClient) async throws -> [Double] {
        let queue = GatewayPlaces.waitedFor
        let poll = try gateway.signed("GET", "/queues/\(queue.name)/messages?waitseconds=30")
        var times: [Double] = []
        for _ in 0..<count {
            async let answer = {
                let status = try await gateway.ask(poll, through: http).status
                return (status, ContinuousClock.now)
            }()
            // By then it waits.
            try await Task.sleep(for: .milliseconds(20))
            try await gateway.broker.send([GatewayLoad.message], to: queue)
            let committed = ContinuousClock.now
            let (status, at) = try await answer
            guard status == 200 else { throw BenchmarkFailure("a long poll was answered \(status)") }
            times.append(max(0, (at - committed) / .milliseconds(1)))
        }
        return times
    }

    /// What many cost that only wait.
    private func waits(_ gateway: GatewayRun, _ lab: Lab) async throws -> [Reading] {
        // Each comes again twice, and twice the gateway has done what it does for the whole database.
        let (count, seconds) = (waiting ?? lab.size(10_000, smoke: 100), lab.size(60.0, smoke: 1.0))
        // What was done before is counted within ten seconds (PGSTAT_IDLE_INTERVAL in the server's pgstat.c).
        try await Task.sleep(for: .seconds(lab.size(11, smoke: 1)))
        let floor = try await waiting(1, gateway) { try await gateway.database.transactionsASecond(over: seconds) }
        try await GatewayPlaces.makeIdleAnew(by: gateway)
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

    /// Lets so many wait while `body` runs, each anew as soon as it has waited in vain; then a message for each ends it.
    private func waiting<T: Sendable>(
        _ count: Int, _ gateway: GatewayRun, _ body: @escaping @Sendable () async throws -> T
    ) async throws -> T {
        let queue = GatewayPlaces.idle
        let poll = try gateway.signed("GET", "/queues/\(queue.name)/messages?waitseconds=30")
        return try await GatewayRun.withClient { http in
            try await withThrowingTaskGroup(of: UInt.self) { group in
                for _ in 0..<count {
                    group.addTask {
                        while true {
                            let status = try await gateway.ask(poll, through: http).status
                            if status != 404 { return status }
                        }
                    }
                }
                // All have come by then: a gateway takes in some thousands a second.
                try await Task.sleep(for: .seconds(1 + Double(count) / 1000))
                let value = try await body()
                try await GatewayLoad.store(count, in: queue, gateway.broker)
                for status in try await group.reduce(into: [UInt](), { $0.append($1) })
                where status != 200 { throw BenchmarkFailure("a wait was answered \(status)") }
                return value
            }
        }
    }
}
