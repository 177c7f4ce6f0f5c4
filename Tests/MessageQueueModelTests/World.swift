import Durations
import Foundation
import Logging
import Postgres
import TestSupport

@testable import MessageQueue

extension Template {
    static let world = Template("world", migrations: [.messageQueue]) { database in
        try await database.script(
            """
            CREATE TABLE effect (command int);
            CREATE SCHEMA model;
            CREATE FUNCTION model.pg_backend_pid() RETURNS int LANGUAGE sql STABLE
                AS $$ SELECT current_setting('model.client')::int $$;
            -- Locks are taken in the order of queues, which is to be the same in each world.
            CREATE SEQUENCE model.queues AS int;
            ALTER TABLE mq.queues ALTER COLUMN id SET DEFAULT nextval('model.queues')
            """)
    }
}

/// A database with queues in which histories are run, one after the other.
struct World: Sendable {
    static let topic = Topic<Parcel>("parcels")

    /// A queue, as the model knows it.
    struct ModelQueue: Sendable {
        let id: Int32
        let name: QueueName
        let lanes: Int
        var attempts: Int
        /// What it hears of the topic; nothing, without a subscription.
        var tags: [String]?
        let kind: Kind
        let levels: PriorityLevels
        let limits: QueueLimits
        /// Of what is sent to it without one.
        var delay: Duration

        enum Kind: CaseIterable, Sendable {
            case plain, urgent, blocking, skipping

            var order: KeyOrder? {
                switch self {
                case .plain, .urgent: nil
                case .blocking: .blockOnFailure
                case .skipping: .skipOnFailure
                }
            }
        }

        /// Whether a message is to wait here. Publishers have no say in it.
        func delays(_ message: Outgoing<Parcel>, isPublished: Bool) -> Bool {
            (isPublished ? delay : message.delay ?? delay) > .zero
        }

        /// By which a claim is told where to begin: one of three also where that means nothing.
        var levelsInTurn: PriorityLevels { levels == .none ? .three : levels }

        var typed: Queue<Parcel> { Queue(name) }
        var order: KeyOrder? { kind.order }

        /// Whether a message waits for others of its key.
        func keepsOrder(_ name: Name) -> Bool { order != nil && name.key != nil }
        func level(of place: Receipt) -> Int16 { levels == .none ? 0 : place.lane / Int16(lanes) }
        func level(of name: Name) -> Int16 { levels.level(of: name.priority) }

        func hears(_ tag: String?) -> Bool { tags.map { tags in tag.map(tags.contains) ?? false } ?? true }

        func entry(of broker: Broker) throws -> MessageQueue.Catalogue.Entry {
            guard let entry = broker.catalogue.known(name) else { throw QueueError.unknownQueue(name) }
            return entry
        }
    }

    /// How the queues are set up at a moment.
    struct Setup: Sendable {
        var queues: [ModelQueue]
        /// Nil while it is deleted.
        var spare: ModelQueue?
        /// Otherwise than at the beginning of the history.
        var isChanged = false

        func queue(of id: Int32) -> ModelQueue? {
            queues.first { $0.id == id } ?? (spare?.id == id ? spare : nil)
        }

        /// As it is set up at this moment. Of the spare one only the name stays.
        func known(_ queue: ModelQueue) -> ModelQueue {
            queue.name == World.spareName ? spare ?? queue : self.queue(of: queue.id) ?? queue
        }

        /// What it is once a command is committed.
        mutating func change(by command: Command) {
            switch command {
            case .changeQueue(let queue, let attempts, let delay):
                change(queue) { ($0.attempts, $0.delay) = (attempts, delay) }
            case .changeSubscription(let queue, let tags), .subscribe(let queue, let tags):
                change(queue) { $0.tags = tags }
            case .unsubscribe(let queue): change(queue) { $0.tags = [] }
            default: break
            }
        }

        private mutating func change(_ queue: ModelQueue, _ change: (inout ModelQueue) -> Void) {
            guard let index = queues.firstIndex(where: { $0.id == queue.id }) else { return }
            change(&queues[index])
            isChanged = true
        }
    }

    /// What the model knows beside the messages.
    struct Facts: Sendable {
        var setup: Setup
        /// Consumers whose connection is gone.
        var lost: Set<Int64> = []
        var living: Set<Int64> = []
        /// What was sent once, and is remembered.
        var keys: Set<String> = []
        /// What was sent once under a name, and is remembered.
        var requests: [String: Request] = [:]

        struct Request: Sendable {
            let fingerprint: String
            let ids: [UUID]
            /// Whoever sent them was told.
            let areInOrder: Bool
        }
        /// Of a queue with a rate: for how many deliveries an hour has yet to pass.
        var paced: [Int32: Int] = [:]
        /// The numbers that the spare queue had.
        var formerSpares: Set<Int32> = []

        var queues: [ModelQueue] { setup.queues }
        func queue(of id: Int32) -> ModelQueue? { setup.queue(of: id) }

        func with(_ setup: Setup) -> Facts {
            var facts = self
            facts.setup = setup
            return facts
        }
    }

    let database: Database
    let queues: [ModelQueue]
    /// A broker for what is done outside of the history.
    let janitor: Broker

    init(database: Database, queues: [ModelQueue]) {
        self.database = database
        self.queues = queues
        janitor = Self.broker(on: database)
    }

    /// Nobody listens, so nobody has to be rung: the bell's database is closed.
    static func broker(on database: Database) -> Broker {
        let watchdog = Watchdog(logger: quiet)
        let doorbell = Doorbell(silence, watchdog: watchdog, logger: quiet)
        return Broker(database, doorbell: doorbell, watchdog: watchdog, logger: quiet, trust: .seconds(86_400))
    }

    private static let silence = {
        var options = DatabaseOptions()
        options.connectionLimit = 0
        options.waiterLimit = 0
        return Database("", options: options, logger: quiet)
    }()

    /// Deadlocks are broken at once, by whoever came second; nothing is planned five times; and a session stands between two
    /// statements for as long as the history wants it, however slow the machine is.
    static let settings = [
        (name: "deadlock_timeout", value: "1ms"), (name: "plan_cache_mode", value: "force_generic_plan"),
        (name: "idle_in_transaction_session_timeout", value: "0"),
    ]

    /// A send begins at a lane that follows from the number of its server process. So that a history goes the same way each
    /// time, clients are told numbers of their own: `model` comes before the server's own functions.
    static func settings(of number: Int) -> [(name: String, value: String)] {
        [(name: "model.client", value: "\(number)"), (name: "search_path", value: "model, pg_catalog, public")]
    }

    static var quiet: Logger {
        var logger = Logger(label: "model")
        logger.logLevel = .critical
        return logger
    }

    /// - Parameter breakIt: makes the engine of this database a broken one.
    static func with<T: Sendable>(
        seed: UInt64, breakIt: @Sendable (Database) async throws -> Void = { _ in },
        _ body: @Sendable (World) async throws -> T
    ) async throws -> T {
        var options = DatabaseOptions()
        options.connectionLimit = 2
        options.connection.settings += settings
        return try await TestDatabase.with(.world, options: options) { database in
            let queues = try await declareQueues(database, seed)
            try await breakIt(database)
            let world = World(database: database, queues: queues)
            _ = try await world.janitor.allEntries()
            return try await body(world)
        }
    }

    /// A queue that is deleted and made anew; nobody publishes to it. With one lane, which a deletion takes.
    static func spare(_ id: Int32) -> ModelQueue {
        ModelQueue(
            id: id, name: spareName, lanes: spareSettings.lanes, attempts: spareSettings.retry.attempts, tags: [],
            kind: .plain, levels: .none, limits: .none, delay: .zero)
    }

    static let spareName: QueueName = "spare"
    static let spareSettings = QueueSettings(lanes: 1, retry: RetryPolicy(attempts: 2, base: .zero, cap: .zero))

    private static func declareQueues(_ database: Database, _ seed: UInt64) async throws -> [ModelQueue] {
        var dice = Dice(~seed)
        let broker = broker(on: database)
        try await broker.declare(topic: topic.name)
        var queues: [ModelQueue] = []
        for (name, tags) in [("red", ["red"]), ("all", nil), ("warm", ["red", "yellow"])] as [(QueueName, [String]?)] {
            // Three of the four kinds: those of one world follow each other.
            let kind = ModelQueue.Kind.allCases[(Int(seed % 4) + queues.count) % 4]
            // In every other four worlds all sixteen.
            let levels: PriorityLevels = kind == .urgent ? (seed % 8 < 4 ? .three : .sixteen) : .none
            let lanes = [1, 2].randomElement(using: &dice) ?? 1
            let attempts = Int.random(in: 1...2, using: &dice)
            let limits = name == "warm" ? Self.limits.randomElement(using: &dice) ?? .none : .none
            let delay = name == "red" && kind.order == nil && seed % 3 == 1 ? hour : .zero
            let settings = QueueSettings(
                lanes: lanes, retry: RetryPolicy(attempts: attempts, base: .zero, cap: .zero),
                priorities: levels, order: kind.order,
                retention: name == "all" && kind.order == nil ? hour : nil, delay: delay, limits: limits)
            try await broker.declare(queue: name, settings)
            try await broker.subscribe(name, to: topic.name, tags: tags)
            let id = try broker.catalogue.known(name)?.id ?? { throw QueueError.unknownQueue(name) }()
            queues.append(
                ModelQueue(
                    id: id, name: name, lanes: lanes, attempts: attempts, tags: tags, kind: kind, levels: levels,
                    limits: limits, delay: delay))
        }
        try await broker.declare(queue: spareName, spareSettings)
        return queues
    }

    /// One delivery an hour: none is added while a history is run, unless the history says so.
    private static let limits = [
        QueueLimits.none, QueueLimits(concurrency: 3), QueueLimits(rate: 1 / hour.inSeconds, burst: 5),
    ]
    static let hour = Duration.seconds(3600)

    /// Connects so many clients, and ends them when `body` is over.
    func withClients<T: Sendable>(_ count: Int, _ body: @Sendable ([Client]) async throws -> T) async throws -> T {
        let clients = (0..<count).map(Client.init)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            for client in clients {
                try await connect(client)
                group.addTask { await client.run() }
            }
            defer { group.cancelAll() }
            do {
                let value = try await body(clients)
                for client in clients { await client.leave() }
                return value
            } catch {
                for client in clients { await client.leave() }
                throw error
            }
        }
    }

    func connect(_ client: Client) async throws {
        try await client.connect(to: database.conninfo)
    }
}
