import CoreMetrics
import MetricsTestKit
import Postgres
import TestSupport
import Testing

@testable import MessageQueue

@Suite("Metrics that come from the library")
struct MetricsTests {
    /// A shoe of each size fails in its own way.
    private struct Failing: PreparingStep {
        let queue = Queue<Shoe>("shoes")
        var options: StepOptions {
            let breaker = CircuitBreaker(threshold: 2, pause: .milliseconds(20), cap: .milliseconds(50))
            return StepOptions(batch: 50, concurrency: 1, breaker: breaker)
        }
        let attempts = Tally(0)
        let snoozes = Tally(0)

        struct Refused: StepFailure { let disposition: Disposition }
        struct Tired: Error {}

        func prepare(_ delivery: Delivery<Shoe>) async throws {
            attempts.change { $0 += 1 }
            if delivery.payload.size == 1 { throw Refused(disposition: .deadLetter(reason: "no such size")) }
            if delivery.payload.size == 2, snoozes.value == 0 {
                snoozes.change { $0 += 1 }
                throw Refused(disposition: .snooze(.milliseconds(1)))
            }
            if delivery.payload.size == 3, attempts.value < 20 { throw Tired() }
        }

        func commit(_ batch: [PreparedDelivery<Shoe, Void>], in session: borrowing Session) throws {
            if attempts.value < 5 {
                try session.script("DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$")
            }
        }
    }

    /// A worker that meets everything that can be counted.
    private func working(_ metrics: TestMetrics, _ body: @Sendable (Bench) async throws -> Void) async throws {
        let policy = RetryPolicy(attempts: 90, base: .milliseconds(1), cap: .milliseconds(5))
        try await Bench.with(QueueSettings(retry: policy)) { bench in
            try await bench.broker.retire(.init(keep: .seconds(3600), rotate: .zero), patience: .seconds(30))
            try await bench.database.script(
                """
                CREATE OR REPLACE FUNCTION mq.drop_segment(number int) RETURNS void LANGUAGE plpgsql AS
                    $$ BEGIN RAISE EXCEPTION 'this segment stays'; END $$
                """)
            try await bench.send(4)
            // In the hands of a consumer whose lock nobody holds.
            _ = try await bench.receive(1)
            try await withMetricsFactory(metrics) {
                let options = WorkerOptions(
                    retention: .init(keep: .zero, rotate: .seconds(3600)), upkeepInterval: .milliseconds(50),
                    gaugeInterval: .milliseconds(50))
                try await bench.work([Failing()], options) { _ in try await body(bench) }
            }
        }
    }

    @Test("the article on metrics tells each metric of the library with its name, kind, unit and labels, and no other")
    func article() throws {
        let told = try DocumentedMetric.all().filter { !$0.isOfPrograms }
        let declared = Metric.all.map {
            DocumentedMetric(name: $0.name, kind: $0.kind.rawValue, unit: $0.unit, labels: $0.labels)
        }
        #expect(Set(told).symmetricDifference(declared).isEmpty)
        #expect(told.count == declared.count)
    }

    @Test("what a worker registers is what is declared: each metric, with its kind and labels, and no other")
    func registered() async throws {
        let metrics = TestMetrics()
        try await working(metrics) { _ in
            try await eventually("every metric is registered, and all is done") {
                metrics.counterTotal(label: "mq_chore_failures_total") > 0
                    && metrics.counterTotal(label: "mq_rescued_total") > 0
                    && metrics.counterTotal(label: "mq_deliveries_total", dimensions: [("outcome", "done")]) == 3
            }
        }
        let declared = Metric.all.map { Registered(name: $0.name, kind: $0.kind.rawValue, labels: $0.labels.sorted()) }
        #expect(Set(metrics.registered).symmetricDifference(declared).isEmpty)
    }

    @Test("each delivery is counted once, by what became of it and why")
    func outcomes() async throws {
        let metrics = TestMetrics()
        @Sendable func count(_ outcome: String, _ reason: String = "") -> Int64 {
            metrics.counterTotal(
                label: "mq_deliveries_total",
                dimensions: [("queue", "shoes"), ("outcome", outcome), ("reason", reason)])
        }
        try await working(metrics) { bench in
            try await eventually("all is done or dead") { count("done") == 3 && count("dead", "no such size") == 1 }
            #expect(count("retried", "Tired") > 0)
            #expect(count("released", "breaker-open") > 0)
            #expect(count("released", "snoozed") > 0)
            let attempts = try await bench.number("SELECT count(*) FROM mq.completions WHERE outcome <> 'x'")
            #expect(metrics.counterTotal(label: "mq_deliveries_total") == Int64(attempts))
        }
        #expect(metrics.counterTotal(label: "mq_received_total") == metrics.counterTotal(label: "mq_deliveries_total"))
    }

    @Test("who waits for messages that it receives by hand is counted, for as long as it waits")
    func waiting() async throws {
        try await Bench.with { bench in
            let factory = TestMetrics()
            let metrics = withMetricsFactory(factory) { QueueMetrics(bench.broker) }
            let poll = Task { try await bench.broker.receive("shoes", lease: .seconds(60), waiting: .seconds(600)) }
            try await eventually("it waits") { bench.broker.waitingRoom.count == 1 }
            metrics.refreshPool()
            #expect(try factory.expectGauge("mq_receivers_waiting").lastValue == 1)
            try await bench.send(1)
            #expect(try await poll.value.count == 1)
            metrics.refreshPool()
            #expect(try factory.expectGauge("mq_receivers_waiting").lastValue == 0)
        }
    }

    @Test("reasons that steps make up are counted as other once there are many, and none is lost")
    func manyReasons() {
        let factory = TestMetrics()
        let metrics = withMetricsFactory(factory) { StepMetrics(of: "shoes") }
        withMetricsFactory(factory) {
            for number in 0..<1000 {
                let verdict = Verdict.deadLetter(reason: "order \(number)", error: "")
                metrics.count(DeliveryOutcome(verdict, on: CancellationError()))
            }
        }
        let series = factory.counters(label: "mq_deliveries_total")
        #expect(series.count <= StepMetrics.mostSeries + 2)
        #expect(factory.counterTotal(label: "mq_deliveries_total") == 1000)
        #expect(factory.counterTotal(label: "mq_deliveries_total", dimensions: [("reason", "other")]) == 960)
    }

    @Test("a reason is counted as it is stored, however long a step has made it")
    func longReasons() {
        let factory = TestMetrics()
        let metrics = withMetricsFactory(factory) { StepMetrics(of: "shoes") }
        let reason = String(repeating: "靴", count: 1 << 20)
        withMetricsFactory(factory) {
            for end in ["a", "b"] {
                let verdict = Verdict.deadLetter(reason: reason + end, error: "")
                metrics.count(DeliveryOutcome(verdict, on: CancellationError()))
            }
        }
        let stored = reason.storable(upTo: MessageLimits.reasonBytes)
        #expect(factory.counterTotal(label: "mq_deliveries_total", dimensions: [("reason", stored)]) == 2)
    }

    @Test("of the workers of one name the oldest tells how the queues stand, and when it is given up the next one does")
    func oneReader() async throws {
        try await Bench.with { bench in
            try await bench.send(7)
            try await bench.broker.pause("shoes")
            let options = WorkerOptions(gaugeInterval: .milliseconds(50))
            let (old, new) = (TestMetrics(), TestMetrics())
            try await withMetricsFactory(old) {
                try await bench.work([Lace()], options) { log in
                    try await log.connected()
                    try await eventually("the old worker reads") { old.depth == 7 }
                    try await withMetricsFactory(new) {
                        try await bench.work([Lace()], options) { newLog in
                            try await newLog.connected()
                            try await eventually("the pool is everybody's own") {
                                !new.recorders(label: "postgres_pool_open").isEmpty
                            }
                            #expect(new.recorders(label: "mq_queue_depth").isEmpty)
                            let first = try #require(log.events.consumers.first)
                            try await bench.database.execute(Broker.endConsumers, [first])
                            try await eventually("the new worker reads") { new.depth == 7 }
                            try await eventually("the old one has forgotten what it read") {
                                old.recorders(label: "mq_queue_depth").isEmpty
                            }
                        }
                    }
                }
            }
        }
    }

    @Test("parts of the log that should have been dropped an hour ago are counted, as long as they are there")
    func overdueSegments() async throws {
        try await Bench.with { bench in
            let metrics = TestMetrics()
            @Sendable func overdue() -> Double? { metrics.recorders(label: "mq_segments_overdue").first?.lastValue }
            try await withMetricsFactory(metrics) {
                let queues = QueueMetrics(bench.broker, retention: .seconds(3600))
                try await bench.send(1)
                try await bench.broker.retire(.init(keep: .seconds(3600), rotate: .zero), patience: .seconds(30))
                try await queues.refresh()
                #expect(overdue() == 0, "it is young")
                try await bench.database.execute("UPDATE mq.segments SET opened_at = opened_at - interval '5 hours'")
                try await queues.refresh()
                #expect(overdue() == 1)
                try await bench.broker.complete(try await bench.receive())
                let day = Broker.Retention(keep: .seconds(3600), rotate: .seconds(86_400))
                try await bench.broker.retire(day, patience: .seconds(30))
                try await queues.refresh()
                #expect(overdue() == 0)
                queues.forgetQueues()
                #expect(overdue() == nil)
                try await QueueMetrics(bench.broker).refresh()
                #expect(overdue() == nil, "without a retention nobody counts them")
            }
        }
    }

    @Test("a program without a worker reads how queues and pool stand when it is asked to")
    func refresh() async throws {
        try await Bench.with { bench in
            let metrics = TestMetrics()
            try await withMetricsFactory(metrics) {
                let queues = QueueMetrics(bench.broker)
                try await bench.send(3)
                try await queues.refresh()
                #expect(metrics.depth == 3)
                #expect(metrics.recorders(label: "postgres_pool_limit").first?.lastValue == 8)
                _ = try await bench.receive(1)
                try await queues.refresh()
                #expect(metrics.depth == 2)
                #expect(metrics.recorders(label: "mq_queue_in_flight").first?.lastValue == 1)
                try await bench.broker.delete(queue: "shoes")
                try await queues.refresh()
                #expect(metrics.recorders(label: "mq_queue_depth").isEmpty, "a queue that is gone has no depth")
            }
        }
    }
}

private struct Registered: Hashable {
    let name: String
    let kind: String
    let labels: [String]

    init(name: String, kind: String, labels: [String]) {
        self.name = name
        self.kind = kind
        self.labels = labels
    }

    init(_ name: String, _ kind: String, _ dimensions: [(String, String)]) {
        self.init(name: name, kind: kind, labels: dimensions.map(\.0).sorted())
    }
}

extension TestMetrics {
    fileprivate var registered: [Registered] {
        counters.map { Registered($0.label, "counter", $0.dimensions) }
            + timers.map { Registered($0.label, "histogram", $0.dimensions) }
            + recorders.map { Registered($0.label, $0.aggregate ? "histogram" : "gauge", $0.dimensions) }
    }

    fileprivate var depth: Double? { recorders(label: "mq_queue_depth").first?.lastValue }
}
