import MessageQueue
import QueueGateway

/// The queues and topics of the benchmark, as clients make them: set up as the gateway does where nothing is said.
enum GatewayPlaces {
    static let queue = Queue<RawBody>("bench")
    /// A topic of MNS, which one queue hears.
    static let topic = Topic<RawBody>("news")
    static let hearing = Queue<RawBody>("hearing")
    /// What a group of RocketMQ's consumers receives from.
    static let groupQueue = Queue<RawBody>(QueueName("\(groupTopic).\(group)"))
    static let waitedFor = Queue<RawBody>("waited-for")
    static let idle = Queue<RawBody>("idle")

    static let queueMessages = "/queues/\(queue.name)/messages"
    static let topicMessages = "/topics/\(topic.name)/messages"
    static let groupMessages = "/topics/\(groupTopic)/messages?consumer=\(group)"

    private static let groupTopic = "shop"
    private static let group = "bench"

    /// Makes them all.
    static func make(by gateway: GatewayRun) async throws {
        try await GatewayRun.withClient { http in
            func put(_ path: String, _ body: String) async throws {
                try await gateway.demand(201, try gateway.signed("PUT", path, body), through: http)
            }
            for place in [queue, hearing, waitedFor, idle] { try await put("/queues/\(place.name)", "<Queue/>") }
            try await put("/topics/\(topic.name)", "<Topic/>")
            let endpoint = "<Endpoint>acs:mns:local:0:queues/\(hearing.name)</Endpoint>"
            try await put("/topics/\(topic.name)/subscriptions/bench", "<Subscription>\(endpoint)</Subscription>")
            // The first that consumes makes a group, with its topic, and finds nothing.
            let consume = try gateway.signed("GET", groupMessages + "&waitseconds=0", to: .rocketMQ)
            try await gateway.demand(404, consume, through: http)
        }
    }

    /// Without what was received and not deleted: its leases would end while somebody waits.
    static func makeIdleAnew(by gateway: GatewayRun) async throws {
        try await gateway.broker.delete(queue: idle.name)
        let make = try gateway.signed("PUT", "/queues/\(idle.name)", "<Queue/>")
        try await GatewayRun.withClient { http in try await gateway.demand(201, make, through: http) }
    }
}
