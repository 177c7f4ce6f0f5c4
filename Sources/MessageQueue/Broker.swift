import Durations
public import Logging
public import Postgres
import Synchronization

/// The engine's handle: sends, publishes and receives messages, and operates queues, over one database.
///
/// ```swift
/// let broker = Broker(database)
/// try await database.write { session in
///     try orders.insert(order, in: session)
///     try broker.send([Outgoing(order)], to: placed, in: session)   // committed together, or not at all
/// }
/// ```
/// What an application's own work commits with has a form that takes part in the caller's transaction: `send`, `publish`,
/// `schedule`, `sendOnce` by a key, `complete`, `retry`, `release`, `deadLetter`, `acknowledge`, the commit of a half message,
/// and ``note(_:_:by:in:)``. Everything else is a transaction of its own.
public final class Broker: Sendable {
    /// The database that it works on, whose pool it shares.
    public let database: Database
    /// Knows whether the loops of this process that work with the broker come round: for readiness.
    public let watchdog: Watchdog
    let catalogue: Catalogue
    let doorbell: Doorbell
    let logger: Logger
    let together: SendTogether
    let publishedTogether: PublishTogether
    let waitingRoom = WaitingRoom<QueueName, ReceivedMessage> { queue, room, broker, bell in
        await WaitingClerk(of: queue, in: room, with: broker, bell: bell).run()
    }
    let waitingListener = WaitingListener()
    /// Rings may be lost, so whoever looks for others that wait looks by itself after that time, as an idle worker does.
    let longestRest: Duration
    /// Rung when a half message is prepared that is to be asked about soon.
    let halfBells = Bells<ProducerGroup>()
    /// Where producers wait to be asked about half messages.
    let halfRoom = WaitingRoom<ProducerGroup, HalfMessage> { group, room, broker, bell in
        await HalfClerk(of: group, in: room, with: broker, bell: bell).run()
    }
    let inTurn = ReceiveTogether()
    /// What is remembered of queues that are received from by hand.
    let byHand = Mutex<[Int32: ClaimMemory]>([:])

    /// Makes a handle; nothing is sent to the server yet.
    public convenience init(_ database: Database, logger: Logger = Logger(label: "message-queue")) {
        let watchdog = Watchdog(logger: logger)
        let doorbell = Doorbell(database, watchdog: watchdog, logger: logger)
        self.init(database, doorbell: doorbell, watchdog: watchdog, logger: logger)
    }

    init(
        _ database: Database, doorbell: Doorbell, watchdog: Watchdog, logger: Logger,
        trust: Duration = Catalogue.longestTrust, rest: Duration = Doorbell.horizon
    ) {
        self.database = database
        self.watchdog = watchdog
        self.logger = logger
        self.catalogue = Catalogue(trust: trust)
        self.doorbell = doorbell
        longestRest = rest
        self.together = SendTogether(on: database)
        publishedTogether = PublishTogether(on: database)
        Self.recordVersion()
    }

    /// The longest that a single statement takes until it has an answer or has failed, the wait for a connection included: what
    /// the beats of loops are measured by.
    package var longestCall: Duration {
        let options = database.options
        let limits = [options.waitLimit, options.connection.connectTimeout, options.connection.silenceLimit]
        return limits.reduce(.seconds(5)) { $0 + $1.bounded }
    }

    /// Waits until everybody who waits for messages sent so far has been told of them.
    ///
    /// For programs that send and then end: without it nothing is lost, but consumers may only notice when they next look,
    /// which idle ones do every ten seconds.
    public func flush() async { await doorbell.flush() }

    /// Rings for everybody who waits on these queues, once the transaction is committed.
    package func ring(_ queues: [Int32], after session: borrowing Session) {
        let doorbell = doorbell
        session.afterCommit { doorbell.ring(queues) }
    }
}
