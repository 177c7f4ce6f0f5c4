import ArgumentParser
import AsyncHTTPClient
import Benchmarks
import Foundation
import MessageQueue
import NIOCore
import NIOHTTP1
import Postgres
import ShoeShop
import ShopProcesses

struct BenchDesk: BenchCommand {
    static let configuration = CommandConfiguration(
        commandName: "desk",
        abstract:
            "Every page of the desk on 10,000,000 stored messages, 1,000 queues and 1,000,000 orders; 50 open desks.",
        discussion:
            "The messages are stored by the server itself, which takes minutes and 7 GB; --tmpfs keeps them in memory.")

    @Option(help: counts.help("Stored messages. Default: 10000000."), transform: counts.read)
    var messages: Int?
    @OptionGroup var bench: BenchOptions

    private static let counts = Allowed.whole(10_000...1_000_000_000)

    var benchmark: any Benchmark { DeskBenchmark(messages: messages) }
}

/// A desk as a process, over a database in which much is stored.
struct DeskBenchmark: Benchmark {
    let name = "desk"
    let about = "every page of the desk, on much that is stored, and many desks that are open at once"
    var messages: Int?

    func run(in lab: Lab) async throws -> [Reading] {
        try await lab.withDatabase(connections: 2) { database in
            try await Shop.installSamples(in: database)
            let log = StoredLog(
                messages: messages ?? lab.size(10_000_000, smoke: 20_000), queues: lab.size(1000, smoke: 20),
                letters: lab.size(100_000, smoke: 200))
            let broker = Broker(database)
            try await log.fill(broker) { await lab.say($0) }
            let order = try await StoredOrders(count: lab.size(1_000_000, smoke: 6000)).fill(broker)
            let folder = ShopFolder("\(lab.folder)/desk-\(UUID().uuidString.prefix(8))")
            try folder.prepare()
            let port = Ports.anyFree() ?? 8070
            let environment = [
                "DATABASE_URL": database.conninfo, "PORT": "\(port)", "LOG_LEVEL": "critical",
                "SHOP_FOLDER": folder.path,
            ]
            let desk = try Member("shop-desk", in: folder, environment: environment)
            let crew = Crew(members: [desk], processGroup: lab.processGroup, screen: Screen(isForProgram: true))
            return try await crew.serve {
                try await desk.ready()
                let open = OpenDesk(address: "http://127.0.0.1:\(port)", readyFile: desk.readyFile, database: database)
                return try await pages(open, Self.paths(broker, order), lab) + desks(open, lab)
            }
        }
    }

    // MARK: Pages

    private func pages(_ desk: OpenDesk, _ paths: [(String, String)], _ lab: Lab) async throws -> [Reading] {
        var readings: [Reading] = []
        for (name, path) in paths {
            await lab.say(name)
            let page = try await desk.measure(path, times: lab.size(40, smoke: 2), isPatient: !lab.isSmoke)
            readings += [
                Reading("\(name), p50", page.times.median, "ms", target: .valueAtMost(100)),
                Reading("\(name), p99", page.times.percentile(0.99), "ms", target: .valueAtMost(500)),
                Reading("\(name), statements", page.statements, "a page"),
            ]
        }
        return readings
    }

    private static func paths(_ broker: Broker, _ order: OrderID) async throws -> [(String, String)] {
        let queue = StoredLog.busiest
        let newest = try await broker.find(MessageSearch(.queue(queue)), limit: 1).entries
        guard let message = newest.first, let key = message.key else { throw BenchmarkFailure("nothing is stored") }
        let action = try await redrive(broker)
        let hour = Date(timeIntervalSinceNow: -86_400)
        let times = "since=\(hour.ISO8601Format())&until=\(hour.addingTimeInterval(3600).ISO8601Format())"
        return [
            ("pipeline", "/"), ("queue", "/queues/\(queue)"), ("messages of a queue", "/messages?queue=\(queue)"),
            ("messages of a topic", "/messages?topic=\(StoredLog.topic)"),
            ("messages within an hour", "/messages?queue=\(queue)&\(times)"),
            ("messages that were retried", "/messages?queue=\(queue)&outcome=retried"),
            ("messages by error", "/messages?queue=\(queue)&error=carrier+2"),
            ("messages by tag", "/messages?queue=\(queue)&tag=tag-3"), ("messages by key", "/messages?q=\(key)"),
            ("message", "/messages/\(message.message)"), ("timeline", "/timeline?key=\(key)"),
            ("dead letters", "/dead"),
            ("dead letters of a queue", "/dead?queue=\(queue)"), ("dead letters by error", "/dead?error=that+7"),
            ("redrive, counted first", "/dead/redrive?reason=reason-3"), ("send", "/send?queue=\(queue)"),
            ("purge, counted first", "/dead/purge?reason=reason-3"),
            ("purge of a queue, counted first", "/queues/\(queue)/purge"), ("audit", "/audit"),
            ("action", "/actions/\(action)"), ("orders", "/orders"), ("order", "/orders/\(order)"),
            ("orders by address", "/orders?q=\(StoredOrders.address)"),
            ("orders by a part of a name", "/orders?q=nobody"), ("services", "/services"),
        ]
    }

    /// Sends a few letters back, for an action that tells what became of its messages.
    private static func redrive(_ broker: Broker) async throws -> Int64 {
        let letters = try await broker.deadLetterHeads(.init(reason: "reason-4"), limit: 100)
        _ = try await broker.redrive(.init(tickets: letters.map(\.ticket)))
        guard let action = try await broker.operatorActions().first else {
            throw BenchmarkFailure("nothing was sent back")
        }
        return action.number
    }

    // MARK: Many desks

    private func desks(_ desk: OpenDesk, _ lab: Lab) async throws -> [Reading] {
        let seconds = lab.size(20, smoke: 2.0)
        await lab.say("one desk is open")
        let one = try await desk.watched(by: 1, for: seconds)
        let crowd = lab.size(50, smoke: 5)
        await lab.say("\(crowd) desks are open")
        let many = try await desk.watched(by: crowd, for: seconds)
        return [
            Reading(
                "statements, \(crowd) open desks", many.statements, "a second", floor: one.statements,
                target: .ratioAtMost(1.2)),
            Reading(
                "server's processor, \(crowd) open desks", many.server * 100, "% of a core", floor: one.server * 100,
                target: .ratioAtMost(1.2)),
            Reading("desk's processor, \(crowd) open desks", many.desk * 100, "% of a core", floor: one.desk * 100),
        ]
    }
}

/// The process of a desk, and what is asked of it.
private struct OpenDesk: Sendable {
    let address: String
    let readyFile: String
    let database: Database

    struct Use {
        /// A second.
        let statements: Double
        /// Of a core.
        let server, desk: Double
    }

    private struct Note: Decodable { let pid: Int32 }

    private var process: Int32 {
        get throws { try JSONDecoder().decode(Note.self, from: Data(contentsOf: URL(filePath: readyFile))).pid }
    }

    func measure(_ path: String, times: Int, isPatient: Bool) async throws -> (times: Distribution, statements: Double)
    {
        // Connections are made, and plans.
        for _ in 0..<2 { _ = try await HTTP.send(.get, address + path).require(200..<300) }
        try await settle(isPatient)
        let (before, start) = (try await transactions(), ContinuousClock.now)
        var taken: [Double] = []
        for _ in 0..<times {
            let start = ContinuousClock.now
            try await HTTP.send(.get, address + path).require(200..<300)
            taken.append(start.secondsUntilNow * 1000)
        }
        try await settle(isPatient)
        let own = try await transactions() - before - 1
        // The desk reads on its own, too.
        let background = try await background(isPatient) * start.secondsUntilNow
        return (Distribution(taken), max(0, (Double(own) - background) / Double(times)))
    }

    /// Statements a second while nobody looks.
    private func background(_ isPatient: Bool) async throws -> Double { isPatient ? Self.readings / 15 : 0 }
    /// Of one reading: statistics, topics, consumers, holdings, chores, rates of topics.
    private static let readings = 6.0

    /// What connections have done is told once they have been idle for ten seconds.
    private func settle(_ isPatient: Bool) async throws {
        if isPatient { try await Task.sleep(for: .seconds(10.5)) }
    }

    func watched(by count: Int, for seconds: Double) async throws -> Use {
        let http = FollowerCrowd.http()
        let result: Result<Use, any Error>
        do {
            result = .success(
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<count { group.addTask { try? await watch(through: http) } }
                    defer { group.cancelAll() }
                    try await Task.sleep(for: .seconds(3))
                    return try await use(over: seconds)
                })
        } catch { result = .failure(error) }
        try await http.shutdown()
        return try result.get()
    }

    private func watch(through http: HTTPClient) async throws {
        let answer = try await http.execute(HTTPClientRequest(url: address + "/live"), deadline: .now() + .seconds(30))
        for try await _ in answer.body { try Task.checkCancellation() }
    }

    private func use(over seconds: Double) async throws -> Use {
        let (statements, desk, server) = (try await transactions(), try used(by: process), try await serverUsed())
        let start = ContinuousClock.now
        try await Task.sleep(for: .seconds(seconds))
        let past = start.secondsUntilNow
        return Use(
            statements: Double(try await transactions() - statements - 2) / past,
            server: (try await serverUsed() - server) / past, desk: (try used(by: process) - desk) / past)
    }

    private func used(by process: Int32) throws -> Double { ProcessUse.seconds(of: process) }

    private func serverUsed() async throws -> Double {
        let backends = try await database.read(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'shop-desk'"
        ) { try $0[0, as: Int32.self] }
        return backends.reduce(0) { $0 + ProcessUse.seconds(of: $1) }
    }

    private func transactions() async throws -> Int {
        try await database.read("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()") {
            try $0[0, as: Int.self]
        }.first ?? 0
    }
}
