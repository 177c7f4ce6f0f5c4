import HTTPTypes
public import Hummingbird
public import Logging
public import MessageQueue
public import ServiceLifecycle

/// The operator's pages over a `Broker`: the pipeline live, queues, messages, dead letters, and who did what.
///
/// ```swift
/// let desk = QueueDesk(broker, options: .init(path: "/queues", access: .loopback(as: "ada")))
/// desk.addRoutes(to: router)
/// // ... and run the desk as a service, beside the HTTP server
/// ```
/// Everything is rendered here, reads without JavaScript, and asks nothing of any other server. The desk keeps nothing that
/// matters: it may be killed, doubled, or put behind a balancer. However many look, the database is asked once every two
/// seconds and after each change that is made here, and every fifteen when nobody does; what a page reads beside is read once
/// for all who have it open.
public struct QueueDesk: Service {
    let broker: Broker
    let options: Options
    let readings: Readings
    let reads = SharedReads()
    let errands: Errands
    let logger: Logger

    /// Makes a desk; nothing is read before ``run()``, or before somebody looks.
    public init(_ broker: Broker, options: Options, logger: Logger = Logger(label: "queue-desk")) {
        self.broker = broker
        self.options = options
        self.logger = logger
        readings = Readings(broker, options, logger: logger)
        errands = Errands(logger: logger)
    }

    /// Keeps the live pages up to date and carries out what was asked for, until the service is shut down. A redrive or purge
    /// that is under way then is broken off: what it has done stays, and is recorded.
    public func run() async throws {
        await withDiscardingTaskGroup { group in
            group.addTask { await errands.run() }
            try? await cancelWhenGracefulShutdown { try await readings.run() }
            group.cancelAll()
        }
    }

    /// Who receives messages, by the reading that all open pages look at; nil while the database can't be read.
    package func consumers() async -> [ConsumerEntry]? { await readings.ifReadable()?.consumers }

    /// Which servers have noted that they are there, read once for all who look; nil while the database can't be read.
    package func processes(refresh: Duration) async -> [ProcessEntry]? {
        guard await readings.ifReadable() != nil else { return nil }
        return try? await shared("mq.processes", refresh: refresh) { [broker] in try await broker.processes() }
    }

    /// Adds the desk's routes under ``Options/path``, each behind the checks of who comes, from where and how.
    ///
    /// ```swift
    /// desk.addRoutes(to: router) { pages in
    ///     pages.get("orders") { _, _ in desk.page("Orders", [.paragraph("None yet.")]) }
    /// }
    /// ```
    /// - Parameters:
    ///   - router: the app's.
    ///   - own: adds pages of the adopter's own, which pass the same checks.
    public func addRoutes<Context: RequestContext>(
        to router: some RouterMethods<Context>, own: (RouterGroup<Context>) -> Void = { _ in }
    ) {
        let group = router.group(RouterPath(options.path))
        group.add(middleware: DeskGuard(options, logger: logger))
        AssetRoutes().add(to: group)
        LiveRoute(desk: self).add(to: group)
        PipelinePage(desk: self).add(to: group)
        QueuePage(desk: self).add(to: group)
        QueueActions(desk: self).add(to: group)
        ScheduledMessagesPage(desk: self).add(to: group)
        ScheduledMessageActions(desk: self).add(to: group)
        HeldMessagesPage(desk: self).add(to: group)
        MessagesPage(desk: self).add(to: group)
        MessagePage(desk: self).add(to: group)
        TimelinePage(desk: self).add(to: group)
        SendPage(desk: self).add(to: group)
        DeadLettersPage(desk: self).add(to: group)
        DeadLetterActions(desk: self).add(to: group)
        AuditPage(desk: self).add(to: group)
        ActionPage(desk: self).add(to: group)
        own(group)
    }
}
