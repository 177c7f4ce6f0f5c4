import Logging
import Postgres
import Synchronization

/// What a running step needs of its worker.
public final class StepRuntime: Sendable {
    let broker: Broker
    let consumer: Consumer
    let entry: Catalogue.Entry
    let journal: WorkerJournal
    let bell = Bell()
    private let poll: Duration
    private let drainLimit: Duration
    private let stoppedAt = Mutex<ContinuousClock.Instant?>(nil)
    private let nextStart = Atomic<Int>(0)
    private let claims = Atomic<Int>(0)
    /// Per lane, what is known to be completed.
    let settled = Mutex<[Int64]>([])

    init(broker: Broker, consumer: Consumer, entry: Catalogue.Entry, journal: WorkerJournal, options: WorkerOptions) {
        self.broker = broker
        self.consumer = consumer
        self.entry = entry
        self.journal = journal
        self.poll = options.poll
        self.drainLimit = options.drainLimit
        broker.doorbell.attach(bell, to: entry.id)
    }

    var queue: QueueName { entry.name }
    var isStopping: Bool { stoppedAt.withLock { $0 != nil } }
    /// After the drain limit nothing is waited for any more.
    var isOutOfTime: Bool { stoppedAt.withLock { $0.map { $0 + drainLimit < .now } ?? false } }
    /// Grows with each claim: whether there is anything new to settle.
    var claimCount: Int { claims.load(ordering: .relaxed) }

    /// The retry policy as last read.
    var retryPolicy: RetryPolicy { broker.catalogue.known(entry.name)?.retry ?? entry.retry }

    func stop() {
        stoppedAt.withLock { $0 = $0 ?? .now }
        bell.ring()
    }

    func close() { broker.doorbell.detach(bell, from: entry.id) }

    /// Brings messages until the runtime stops, waiting for them as long as there are none.
    ///
    /// - Parameters:
    ///   - room: waits for room and takes it; answers how many messages may come.
    ///   - handle: takes what came, and gives back the room.
    func pump(room: () async -> Int, giveBack: (Int) -> Void, handle: ([ReceivedMessage]) -> Void) async {
        var promotion = ContinuousClock.now
        while !isStopping, !Task.isCancelled {
            journal.beat("receive \(queue)")
            let limit = await room()
            do {
                let messages = isStopping ? [] : try await receive(limit)
                giveBack(limit - messages.count)
                if !messages.isEmpty {
                    journal.record(.received(queue, count: messages.count))
                    handle(messages)
                }
                guard messages.isEmpty || promotion <= .now else { continue }
                let pause = try await promote()
                promotion = .now + min(pause ?? poll, .seconds(1))
                if messages.isEmpty, let pause, !isStopping { await bell.wait(atMost: min(pause, poll)) }
            } catch {
                giveBack(limit)
                if !(error is CancellationError) { await recover(from: error) }
            }
        }
    }

    private func receive(_ limit: Int) async throws -> [ReceivedMessage] {
        let presence = try await consumer.presence()
        let start = nextStart.add(1, ordering: .relaxed).newValue % 64
        let settled = settled.withLock { $0 }
        let messages: [ReceivedMessage]
        do {
            messages = try await presence.connection.perform(isTransaction: false, within: .seconds(30)) { session in
                try self.broker.receive(
                    self.entry.id, named: self.queue, by: presence.id, limit: limit, start: start, lease: nil,
                    settled: settled,
                    in: session)
            }
        } catch {
            // A claim that the server refused is no claim; any other may have been made.
            if (error as? PostgresError)?.kind != .server { await consumer.beginAnew(after: presence) }
            throw error
        }
        if !messages.isEmpty { claims.add(1, ordering: .relaxed) }
        return messages
    }

    /// Answers nil when something was moved, so that it is worth looking again at once.
    private func promote() async throws -> Duration? {
        let connection = try await consumer.presence().connection
        let promotion = try await broker.promote(entry.id, on: connection)
        return promotion.moved > 0 ? nil : promotion.nextDue ?? poll
    }

    private func recover(from error: any Error) async {
        broker.logger.info(
            "could not receive, trying again", metadata: ["queue": "\(queue)", "error": "\(error)"])
        try? await Task.sleep(for: .milliseconds(200) * Double.random(in: 0.8...1.2))
    }
}
