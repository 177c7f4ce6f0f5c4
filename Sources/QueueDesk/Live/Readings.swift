import Foundation
import HTTPTypes
import Logging
import MessageQueue

/// What all open pages look at: read once, however many they are.
actor Readings {
    private let broker: Broker
    private let retention: Duration?
    nonisolated let limits: Attention.Limits
    private let logger: Logger
    private var history = RateHistory()
    private var latest: Reading?
    /// What was made of a reading for open pages.
    private var newest: LiveStep?
    private var pending: Task<Reading, any Error>?
    private var watchers: [Int: AsyncStream<LiveEvent>.Continuation] = [:]
    /// When it was read last that went well, by this machine's clock, which tells it to people.
    private var readAt = Date()
    /// The last try, where it did not go well.
    private var failure: (error: any Error, at: ContinuousClock.Instant)?
    private var nextWatcher = 0
    /// How often something was changed here: a reading that began before is not kept.
    private var changes = 0
    /// Whether the latest reading is from before a change: good enough only where no other can be had.
    private var isForgotten = false

    static let pause = Duration.seconds(2)
    /// A reading is several statements.
    private var longestReading: Duration { broker.longestCall * 8 }
    private static let pauseUnwatched = Duration.seconds(15)
    /// For so long after a failure no page waits for another try: those are made by ``run()``.
    private static let pauseOfFailures = Duration.seconds(15)
    private static let mostWatchers = 1000
    private static let pauseOfTopics = Duration.seconds(15)
    private static let longestTopics = Duration.seconds(2)
    /// Of so many queues, the busiest ever, the log is asked what was before the first reading.
    private static let recalled = 100
    private var topicRates: (rates: [TopicName: Double], takenAt: ContinuousClock.Instant)?
    private static let pauseOfHolders = Duration.seconds(60)
    private var holders: (queues: [SegmentHolder], takenAt: ContinuousClock.Instant)?

    init(_ broker: Broker, _ options: QueueDesk.Options, logger: Logger) {
        self.broker = broker
        retention = options.retention
        limits = Attention.Limits(options)
        self.logger = logger
    }

    /// Reads now and then, and tells whoever watches, until cancelled.
    func run() async throws {
        let pulse = broker.watchdog.pulse(of: "read how the queues stand")
        pulse.beat(within: longestReading)
        await recall()
        while true {
            pulse.beat(within: Self.pause + longestReading)
            let begun = changes
            do {
                let reading = try await current(notOlderThan: longestAge)
                // Pages that show what was changed meanwhile don't go back to how it was before.
                if begun == changes, !watchers.isEmpty { tell(.step(step(of: reading))) }
            } catch {
                try Task.checkCancellation()
                tell(.stale(since: readAt))
                logger.info("could not read how the queues stand", metadata: ["error": "\(error)"])
            }
            try await Task.sleep(for: Self.pause)
        }
    }

    /// After a failure it is tried again, whoever looks.
    private var longestAge: Duration {
        if failure != nil { return .zero }
        return watchers.isEmpty ? Self.pauseUnwatched : Self.pause / 2
    }

    private func tell(_ event: LiveEvent) { for watcher in watchers.values { watcher.yield(event) } }

    private func step(of reading: Reading) -> LiveStep {
        if let newest, newest.reading.takenAt == reading.takenAt { return newest }
        let next = LiveStep(reading, limits, after: newest)
        newest = next
        return next
    }

    /// The latest reading, or a new one. Whoever asks while one is being taken waits for that one.
    func current(notOlderThan age: Duration = Readings.pause) async throws -> Reading {
        if let latest, !isForgotten, .now - latest.takenAt <= age { return latest }
        if let pending { return try await pending.value }
        // Awaited below, and by whoever asks meanwhile: one who goes away takes it from nobody else.
        let task = Task { try await take() }
        pending = task
        defer { if pending == task { pending = nil } }
        return try await task.value
    }

    /// Something was changed: whoever asks from now on is told how things stand after it.
    func forgetReading() {
        changes += 1
        (isForgotten, pending) = (true, nil)
    }

    /// As ``current(notOlderThan:)``, for pages that have more to show; nil while nothing can be read, for which nobody
    /// waits once it is known. The log tells why.
    func ifReadable() async -> Reading? {
        guard failure == nil else { return nil }
        return try? await current()
    }

    private func take() async throws -> Reading {
        let begun = changes
        do {
            var reading = try await Reading(of: broker)
            reading.topicRates = await rates()
            reading.holders = await segmentHolders()
            history.complete(&reading)
            if begun == changes { (latest, isForgotten) = (reading, false) }
            readAt = Date()
            failure = nil
            return reading
        } catch {
            failure = (error, .now)
            throw error
        }
    }

    /// What a page is drawn from.
    struct Shown: Sendable {
        let reading: Reading
        /// When it was read, where nothing could be since.
        var staleSince: Date?
    }

    /// The latest reading or a new one; where none can be taken, the last one, however old.
    ///
    /// - Throws: what kept the desk from its first one.
    func shown() async throws -> Shown {
        if let failure, .now - failure.at <= Self.pauseOfFailures { return try lastShown(after: failure.error) }
        do { return Shown(reading: try await current()) } catch { return try lastShown(after: error) }
    }

    private func lastShown(after error: any Error) throws -> Shown {
        guard let latest else { throw error }
        return Shown(reading: latest, staleSince: readAt)
    }

    /// For pages that need no more of it than which queues and topics there are; nil where that isn't known.
    func known() async -> Reading? { try? await shown().reading }

    /// Read more rarely still. Where it takes too long, the rest is told all the same.
    private func segmentHolders() async -> [SegmentHolder] {
        guard let retention else { return [] }
        if let holders, .now - holders.takenAt <= Self.pauseOfHolders { return holders.queues }
        do {
            let queues = try await broker.segmentHolders(beyond: retention)
            holders = (queues, .now)
            return queues
        } catch {
            logger.info("could not read what keeps the log", metadata: ["error": "\(error)"])
            holders = (holders?.queues ?? [], .now)
            return holders?.queues ?? []
        }
    }

    /// Read more rarely: they cost more, and are of a whole minute. Where that takes too long there are none.
    private func rates() async -> [TopicName: Double] {
        if let topicRates, .now - topicRates.takenAt <= Self.pauseOfTopics { return topicRates.rates }
        var rates: [TopicName: Double] = [:]
        do {
            rates = try await broker.topicRates(within: Self.longestTopics)
            history.note(rates)
        } catch {
            logger.info("could not read how much is published", metadata: ["error": "\(error)"])
        }
        topicRates = (rates, .now)
        return rates
    }

    /// The lines of the last quarter of an hour begin before the desk did. Without them they begin with it.
    private func recall() async {
        do {
            let busiest = try await current().queues.sorted { $0.claimed > $1.claimed }.prefix(Self.recalled).map(
                \.queue)
            history.recall(try await broker.activity(of: busiest, each: .seconds(60), count: 15))
            latest?.histories = history.histories
        } catch {
            logger.info("could not read how the queues stood before", metadata: ["error": "\(error)"])
        }
    }

    /// What changes, until the watcher goes away; at first how it stands now, as far as that is known. A slow one misses what is
    /// outdated by then.
    ///
    /// - Throws: ``Refusal`` when more watch than can be told.
    func watch() throws -> AsyncStream<LiveEvent> {
        guard watchers.count < Self.mostWatchers else {
            throw Refusal(.serviceUnavailable, "Too many pages are open.")
        }
        let (stream, continuation) = AsyncStream.makeStream(of: LiveEvent.self, bufferingPolicy: .bufferingNewest(1))
        if failure != nil {
            continuation.yield(.stale(since: readAt))
        } else if let latest, !isForgotten, .now - latest.takenAt <= Self.pause * 2 {
            continuation.yield(.step(step(of: latest)))
        }
        let number = nextWatcher
        nextWatcher += 1
        watchers[number] = continuation
        continuation.onTermination = { [weak self] _ in
            guard let self else { return }
            // Awaited by nobody: it removes an entry, and ends.
            Task { await self.forget(number) }
        }
        return stream
    }

    private func forget(_ number: Int) { watchers[number] = nil }
}
