public import Hummingbird
public import Logging
public import MessageQueue
public import ServiceLifecycle

/// Queues and topics over HTTP, in the protocols that clients of other systems speak already: with their endpoint changed, and
/// nothing else.
///
/// ```swift
/// let gateway = QueueGateway(broker, secret: secret)
/// gateway.mount(on: router)
/// // ... and run the gateway as a service, beside the HTTP server
/// ```
/// They are the same queues and topics as the library's own: what is sent here is received there, and the other way round. A
/// gateway keeps nothing that matters: it may be killed, doubled, or put behind a balancer. Connections want a
/// ``ConnectionGuard`` each, or clients that go while they wait are not noticed, nor answers that nobody reads, and minutes until an
/// idle one is closed.
public struct QueueGateway: Service {
    let backend: Backend
    let options: Options
    let budget: BodyBudget
    private let mns: MNS
    private let rocketMQ: RocketMQ
    private let json: JSONAPI
    private let errands: Errands

    /// Makes a gateway; nothing is read before somebody calls.
    ///
    /// - Parameters:
    ///   - broker: whose queues and topics.
    ///   - secret: the one that access keys were made with.
    ///   - options: how it behaves.
    ///   - logger: told of failures.
    public init(
        _ broker: Broker, secret: GatewaySecret, options: Options = .init(),
        logger: Logger = Logger(label: "queue-gateway")
    ) {
        let keys = KeyRing(
            secret: secret, read: { try await broker.storedAccessKeys() },
            isQuiet: { broker.areAccessKeysQuiet(since: $0) })
        self.init(Backend(broker, secret: secret, logger: logger, keys: keys), options)
    }

    init(_ backend: Backend, _ options: Options) {
        self.backend = backend
        self.options = options
        budget = BodyBudget(all: options.bodyBytes)
        mns = MNS(backend)
        rocketMQ = RocketMQ(
            backend, redelivery: Redelivery(plain: options.redelivery, orderly: options.orderlyRedelivery))
        errands = Errands(logger: backend.logger)
        json = JSONAPI(backend, errands)
    }

    /// Carries out what takes longer than a request, does the chores of the database as workers do, who need not be there, and notes
    /// now and then which access keys are in use, until the service is shut down.
    /// - Throws: `QueueError.invalidSettings` for an ``Options/retention`` outside of its range.
    public func run() async throws {
        try options.retention.check()
        let housekeeping = Housekeeping(broker: backend.broker, retention: options.retention)
        try? await cancelWhenGracefulShutdown {
            try await withThrowingDiscardingTaskGroup { group in
                group.addTask { await errands.run() }
                group.addTask { await housekeeping.run() }
                let pulse = backend.broker.watchdog.pulse(of: "note which access keys are used")
                var isNoted = true
                while true {
                    pulse.beat(within: Self.notingPause + backend.broker.longestCall * 2)
                    try await Task.sleep(for: Self.notingPause)
                    isNoted = await backend.noteUse(tellingFailures: isNoted)
                }
            }
        }
        _ = await backend.noteUse(tellingFailures: true)
    }

    private static let notingPause = Duration.seconds(30)

    /// Answers every path but those of others. Its requests have a ``GatewayRequestContext``, or one of your own that knows as much.
    ///
    /// - Parameter router: without a route yet: what is added afterwards is reached by the paths of others only.
    public func mount<Context: GatewayContext>(on router: Router<Context>) {
        router.add(middleware: GatewayMiddleware<Context>(gateway: self))
    }

    func dialect(of head: CallHead) -> any Dialect {
        switch Tongue(head) {
        case .mns: mns
        case .rocketMQ: rocketMQ
        case .json: json
        }
    }
}
