import Hummingbird
import Logging
import MessageQueue
import ServiceLifecycle
import ShoeShop
import ShopHTTP

/// Those who follow timelines, and the one question to the database that serves them all, however many they are.
///
/// Whoever follows reads what has been, and is then told what comes. The question is asked only while somebody follows.
actor Followers: Service {
    enum Subject: Hashable, Sendable { case order(OrderID), customer(CustomerID) }

    enum News: Sendable {
        case events([TimelineEvent])
        /// Some may have been missed: read them again from the last known place.
        case missed
        /// Nothing for a while: a word, to find out who is gone.
        case nothing
    }

    nonisolated let reader: TimelineReader
    private let logger: Logger
    private let watchdog: Watchdog
    private var streams: [Subject: [Int: AsyncStream<News>.Continuation]] = [:]
    private var count = 0
    private var number = 0
    /// Up to where everybody has been told.
    private var mark: TimelineMark?
    /// A look failed: what the server lost in a crash it may have numbered anew since.
    private var isInDoubt = false
    private var lastWord = ContinuousClock.now

    private static let pause = Duration.milliseconds(200)
    private static let silence = Duration.seconds(15)
    private static let longestLook = Duration.seconds(20)
    /// One who takes in this little is told that he missed something, by the end of his stream.
    private static let buffer = 64
    private static let most = 20_000

    init(_ shop: Shop, logger: Logger) {
        reader = TimelineReader(shop.database)
        watchdog = shop.broker.watchdog
        self.logger = logger
    }

    func run() async throws {
        let pulse = watchdog.pulse(of: "tell followers")
        try? await cancelWhenGracefulShutdown {
            while true {
                pulse.beat(within: Self.longestLook)
                await self.look()
                try await Task.sleep(for: Self.pause)
            }
        }
        for stream in streams.values.flatMap(\.values) { stream.finish() }
    }

    /// What comes about a subject, from now on: what was there before has to be read after this call.
    ///
    /// - Throws: `Problem` when more follow than can be told.
    func follow(_ subject: Subject) async throws -> AsyncStream<News> {
        guard count < Self.most else { throw Problem(.serviceUnavailable, "Too many follow already.") }
        let (stream, continuation) = AsyncStream.makeStream(
            of: News.self, bufferingPolicy: .bufferingOldest(Self.buffer))
        number += 1
        streams[subject, default: [:]][number] = continuation
        count += 1
        continuation.onTermination = { [weak self, number] _ in
            guard let self else { return }
            // Awaited by nobody: it removes an entry, and ends.
            Task { await self.forget(subject, number) }
        }
        if mark == nil {
            do {
                let now = try await reader.news(since: nil).mark
                mark = mark ?? now
            } catch {
                continuation.finish()
                throw error
            }
        }
        return stream
    }

    private func forget(_ subject: Subject, _ number: Int) {
        guard streams[subject]?.removeValue(forKey: number) != nil else { return }
        count -= 1
        if streams[subject]?.isEmpty == true { streams[subject] = nil }
        if count == 0 { mark = nil }
    }

    private func look() async {
        guard let last = mark else { return }
        do {
            let news = try await reader.news(since: isInDoubt ? nil : last)
            // Meanwhile all may have gone, and others come.
            guard mark == last else { return }
            mark = news.mark
            isInDoubt = false
            news.isComplete ? tell(news.events) : tellAllToReadAgain()
        } catch {
            isInDoubt = true
            logger.info("could not look for news, trying again", metadata: ["error": "\(error)"])
        }
        if ContinuousClock.now - lastWord > Self.silence {
            lastWord = .now
            for stream in streams.values.flatMap(\.values) { stream.yield(.nothing) }
        }
    }

    /// What came meanwhile is behind the place of whoever follows.
    private func tellAllToReadAgain() {
        for stream in streams.values.flatMap(\.values) { pass(.missed, to: stream) }
    }

    private func tell(_ events: [TimelineEvent]) {
        for (order, events) in Dictionary(grouping: events, by: \.order) {
            for stream in (streams[.order(order)] ?? [:]).values { pass(.events(events), to: stream) }
        }
        for (customer, events) in Dictionary(grouping: events, by: \.customer) {
            guard let customer else { continue }
            for stream in (streams[.customer(customer)] ?? [:]).values { pass(.events(events), to: stream) }
        }
    }

    private func pass(_ news: News, to stream: AsyncStream<News>.Continuation) {
        if case .dropped = stream.yield(news) { stream.finish() }
    }
}
