import MessageQueue
import Postgres

/// One publish to many subscriptions.
public struct FanoutBenchmark: Benchmark {
    public let name = "fanout"
    public let about = "One message published to many queues; floor: bare INSERTs of as many rows, one connection"

    public init() {}

    public func run(in lab: Lab) async throws -> [Reading] {
        var readings: [Reading] = []
        for (subscriptions, publishes) in [(1, 2000), (10, 1000), (100, 300)] {
            let publishes = lab.size(publishes, smoke: 20)
            await lab.say("\(subscriptions) subscriptions")
            let (floor, value) = try await lab.withDatabase(connections: 2) {
                try await measure(publishes, to: subscriptions, on: $0)
            }
            readings.append(Reading("publish to \(subscriptions)", value, "copies/s", floor: floor))
        }
        return readings
    }

    private func measure(_ publishes: Int, to subscriptions: Int, on database: Database) async throws -> (
        Double, Double
    ) {
        let broker = Broker(database)
        let topic = Topic<String>("news")
        try await broker.declare(topic: topic.name)
        for number in 0..<subscriptions {
            try await broker.declare(queue: QueueName("reader-\(number)"))
            try await broker.subscribe(QueueName("reader-\(number)"), to: topic.name)
        }
        try await BareLog.create(in: database)
        for _ in 0..<10 { try await broker.publish(Workload.messages(1), to: topic) }
        let copies = publishes * subscriptions
        let floor = try await BareLog.fill(copies, batch: subscriptions, threads: 1, on: database.conninfo)
        let start = ContinuousClock.now
        for _ in 0..<publishes { try await broker.publish(Workload.messages(1), to: topic) }
        return (floor, Double(copies) / start.secondsUntilNow)
    }
}
