import HTTPTypes
import Logging
import MessageQueue

/// What all open pages look at: read once, however many they are.
actor Readings {
    private let broker: Broker
    private let logger: Logger
    private var history = RateHistory()
    private var latest: Reading?
    private var pending: Task<Reading, any Error>?
    private var watchers: [Int: AsyncStream<String>.Continuation] = [:]
    private var nextWatcher = 0

    static let pause = Duration.seconds(2)
    /// A reading is several statements.
    private var longestReading: Duration { broker.longestCall * 8 }
    private static let pauseUnwatched = Duration.seconds(15)
    private static let mostWatchers = 1000
    private static let pauseOfTopics = Duration.seconds(15)
    /// Of so many queues, the busiest ever, the log is asked what was before the first reading.
    private static let recalled = 100
    private var topicRates: (rates: [TopicName: Double], takenAt: ContinuousClock.Instant)?

    init(_ broker: Broker, logger: Logger) {
        self.broker = broker
        self.logger = logger
    }

    /// Reads now and then, and tells whoever watches, until cancelled.
    func run() async throws {
        let pulse = broker.watchdog.pulse(of: "read how the queues stand")
        pulse.beat(within: longestReading)
        await recall()
        while true {
            pulse.beat(within: Self.pause + longestReading)
            do {
                let reading = try await current(notOlderThan: watchers.isEmpty ? Self.pauseUnwatched : Self.pause / 2)
                let values = LiveValues(reading).json
                for watcher in watchers.values { watcher.yield(values) }
            } catch {
                try Task.checkCancellation()
                logger.info("could not read how the queues stand", metadata: ["error": "\(error)"])
            }
            try await Task.sleep(for: Self.pause)
        }
    }

    /// The latest reading, or a new one. Whoever asks while one is being taken waits for that one.
    func current(notOlderThan age: Duration = Readings.pause) async throws -> Reading {
        if let latest, .now - latest.takenAt <= age { return latest }
        if let pending { return try await pending.value }
        // Awaited below, and by whoever asks meanwhile: one who goes away takes it from nobody else.
        let task = Task { try await take() }
        pending = task
        defer { pending = nil }
        return try await task.value
    }

    private func take() async throws -> Reading {
        var reading = try await Reading(of: broker)
        reading.topicRates = try await rates()
        history.complete(&reading)
        latest = reading
        return reading
    }

    /// Read more rarely: they cost more, and are of a whole minute.
    private func rates() async throws -> [TopicName: Double] {
        if let topicRates, .now - topicRates.takenAt <= Self.pauseOfTopics { return topicRates.rates }
        let rates = try await broker.topicRates()
        topicRates = (rates, .now)
        return rates
    }

    /// The lines of the last quarter of an hour begin before the desk did. Without them they begin with it.
    private func recall() async {
        do {
            let busiest = try await current().queues.sorted { $0.claimed > $1.claimed }.prefix(Self.recalled).map(
                \.queue)
            history.recall(try await broker.activity(of: busiest, each: .seconds(60), count: 15))
            latest = nil
        } catch {
            logger.info("could not read how the queues stood before", metadata: ["error": "\(error)"])
        }
    }

    /// What changes, as JSON, until the watcher goes away. A slow one misses what is outdated by then.
    ///
    /// - Throws: ``Refusal`` when more watch than can be told.
    func watch() throws -> AsyncStream<String> {
        guard watchers.count < Self.mostWatchers else {
            throw Refusal(.serviceUnavailable, "Too many pages are open.")
        }
        let (stream, continuation) = AsyncStream.makeStream(of: String.self, bufferingPolicy: .bufferingNewest(1))
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
