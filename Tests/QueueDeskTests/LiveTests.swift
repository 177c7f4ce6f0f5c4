import Foundation
import Testing

@testable import MessageQueue
@testable import QueueDesk

@Suite("Pages that stay open are told what changes, and no more")
struct LiveTests {
    private let limits = Attention.Limits(QueueDesk.Options(access: .loopback(as: "test")))

    /// Of as many queues, all at rest unless more is said.
    private func reading(
        _ count: Int, dead: [Int: Int] = [:], rates: [Int: Double] = [:], topics: [TopicEntry] = []
    ) -> Reading {
        var reading = Reading(
            queues: (0..<count).map { queue($0, dead: dead[$0] ?? 0) }, topics: topics, consumers: [], holdings: [],
            neglected: [])
        reading.rates = Dictionary(uniqueKeysWithValues: rates.map { (QueueName("q\($0)"), $1) })
        return reading
    }

    private func queue(
        _ number: Int, dead: Int, claimed: Int = 0, at date: Date = .distantPast, waiting: Int = 0,
        oldest: Double? = nil
    ) -> QueueStatistics {
        QueueStatistics(
            queue: QueueName("q\(number)"), depth: waiting, inFlight: waiting, scheduled: 2 * waiting,
            retrying: waiting, held: 0, blockedKeys: 0, dead: dead, purged: 0, outdated: 0, claimed: claimed,
            appended: claimed, oldestWaiting: oldest, overdue: nil, isPaused: false, readAt: date)
    }

    private struct Told: Decodable {
        let texts, lines: [String: String]
        let findings: [[String: String]]?

        init(_ event: String) throws {
            let json = try #require(event.hasPrefix("data: ") ? event.dropFirst(6) : nil)
            self = try JSONDecoder().decode(Told.self, from: Data(json.utf8))
        }
    }

    @Test("a page is told everything first, and then only what has changed since, also when it has missed something")
    func changes() throws {
        let first = LiveStep(reading(3), limits, after: nil)
        let second = LiveStep(reading(3), limits, after: first)
        let third = LiveStep(reading(3, dead: [1: 2]), limits, after: second)
        let fourth = LiveStep(reading(3, dead: [1: 2, 2: 1]), limits, after: third)
        var listener = LiveListener(of: nil)
        let whole = try Told(listener.text(of: .step(first)))
        #expect(whole.texts["q0 waiting"] == "0" && whole.texts.count == 27 && whole.findings == [])
        let nothing = try Told(listener.text(of: .step(second)))
        #expect(nothing.texts.isEmpty && nothing.lines.isEmpty && nothing.findings == nil)
        let one = try Told(listener.text(of: .step(third)))
        #expect(one.texts == ["q1 dead": "2"] && one.findings?.count == 1)
        let other = try Told(listener.text(of: .step(fourth)))
        #expect(other.texts == ["q2 dead": "1"])
        var slow = LiveListener(of: nil)
        _ = slow.text(of: .step(first))
        let missed = try Told(slow.text(of: .step(fourth)))
        #expect(missed.texts == ["q1 dead": "2", "q2 dead": "1"])
        let again = try Told(slow.text(of: .step(fourth)))
        #expect(again.texts.isEmpty, "the same once more is a sign of life")
        let stale = slow.text(of: .stale(since: .distantPast))
        #expect(stale.hasPrefix("event: stale\n"))
    }

    @Test("a queue's own page is told of that queue alone, with the line of what waited")
    func ownPage() throws {
        let first = LiveStep(reading(1000), limits, after: nil)
        let second = LiveStep(reading(1000, dead: [7: 1, 8: 1]), limits, after: first)
        var listener = LiveListener(of: "q7")
        let text = listener.text(of: .step(first))
        let whole = try Told(text)
        #expect(whole.texts.count == 9 && whole.texts.keys.allSatisfy { $0.hasPrefix("q7 ") })
        #expect(Set(whole.lines.keys) == ["q7 spark", "q7 depth spark"] && text.utf8.count < 1000)
        let change = try Told(listener.text(of: .step(second)))
        #expect(change.texts == ["q7 dead": "1"])
        var nobodys = LiveListener(of: "nowhere")
        let nothing = try Told(nobodys.text(of: .step(first)))
        #expect(nothing.texts.isEmpty)
    }

    @Test("of a thousand queues at rest an event has less than two hundred bytes, and trouble of all of them few lines")
    func size() throws {
        let first = LiveStep(reading(1000), limits, after: nil)
        let second = LiveStep(reading(1000), limits, after: first)
        var listener = LiveListener(of: nil)
        _ = listener.text(of: .step(first))
        let event = listener.text(of: .step(second))
        #expect(event.utf8.count < 200, "\(event)")
        let dead = Dictionary(uniqueKeysWithValues: (0..<1000).map { ($0, 1) })
        let findings = Attention(reading(1000, dead: dead), limits).findings
        #expect(findings.count == 21 && findings.last?.text == "and 980 more like these")
        #expect(findings.first?.text == "q0 has 1 dead letter")
    }

    @Test("a line changes every fifteen seconds at the most, however often the queues are read")
    func lines() {
        var history = RateHistory()
        let start = Date(timeIntervalSince1970: 1_000_000)
        var lines: [String?] = []
        for second in stride(from: 0, through: 60, by: 2) {
            let seconds = Double(second)
            var reading = Reading(
                queues: [queue(0, dead: 0, claimed: second * second, at: start.addingTimeInterval(seconds))],
                topics: [], consumers: [], holdings: [], neglected: [])
            history.complete(&reading)
            lines.append(LiveValues(reading, limits).lines["q0 spark"])
        }
        let changes = zip(lines, lines.dropFirst()).count { $0 != $1 }
        // One point is no line yet.
        #expect((1...3).contains(changes), "\(lines)")
    }

    @Test("a topic has what stands in all queues that hear it, the age of the oldest of it, and a line of its rate")
    func topics() {
        let hearers: [QueueName?] = ["q0", "q1", nil]
        let topics = zip(["t0", "t0", "t1"], hearers).map { TopicEntry(topic: TopicName($0), queue: $1, tags: nil) }
        var history = RateHistory()
        var reading = Reading(
            queues: [
                queue(0, dead: 1, waiting: 2, oldest: 3), queue(1, dead: 2, waiting: 5, oldest: 7), queue(2, dead: 9),
            ], topics: topics, consumers: [], holdings: [], neglected: [])
        for rate in [0.0, 4, 2] { history.note(["t0": rate]) }
        history.complete(&reading)
        let values = LiveValues(reading, limits)
        let expected = [
            "waiting": "7", "in flight": "7", "scheduled": "14", "retrying": "7", "dead": "3", "oldest": "7.0 s",
        ]
        for (name, text) in expected { #expect(values.texts["topic t0 \(name)"] == text, "\(name)") }
        #expect(values.lines["topic t0 spark"] == "96.6,19.0 98.3,1.0 100.0,10.0")
        #expect(values.texts["topic t1 dead"] == "0" && values.texts["topic t1 oldest"] == "–")
        for _ in 0..<100 { history.note(["t0": 1]) }
        history.complete(&reading)
        #expect(reading.topicHistories["t0"]?.count == 60)
        history.note([:])
        history.complete(&reading)
        #expect(reading.topicHistories.isEmpty)
    }

    @Test("of a thousand queues the picture has the troubled and the busiest, with their topics, and counts the rest")
    func picture() {
        let topics = (0..<100).map { TopicEntry(topic: TopicName("t\($0)"), queue: QueueName("q\($0)"), tags: nil) }
        let many = reading(1000, dead: [990: 1], rates: [50: 3, 51: 2], topics: topics)
        let picture = FlowPicture(many, LiveValues(many, limits), troubled: ["q990"]) { "/\($0)" }
        let html = picture.html.source
        #expect(html.matches(of: /<a href/).count == 40)
        for queue in ["q990", "q50", "q51", "q0"] { #expect(html.contains("<a href=\"/\(queue)\">"), "\(queue)") }
        #expect(html.contains("q50 hears t50") && !html.contains(">t99<"))
        #expect(picture.rest == "and 960 more queues, 61 more topics: the tables below have them all")
        let few = reading(3, topics: Array(topics.prefix(3)))
        let whole = FlowPicture(few, LiveValues(few, limits), troubled: []) { "/\($0)" }
        #expect(whole.rest == nil)
    }

    @Test("the table of queues has those first that need a person, and only those whose names were asked for")
    func table() {
        let queues = reading(30).queues
        let all = PipelinePage.shown(queues, named: nil, troubled: ["q20", "q5"])
        #expect(all.map(\.queue.text).prefix(4) == ["q5", "q20", "q0", "q1"] && all.count == 30)
        let some = PipelinePage.shown(queues, named: "Q2", troubled: ["q20", "q5"])
        #expect(some.map(\.queue.text).prefix(3) == ["q20", "q2", "q21"] && some.count == 11)
    }
}
