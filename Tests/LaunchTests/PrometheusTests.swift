import CoreMetrics
import Testing

@testable import Launch

@Suite("Prometheus text format")
struct PrometheusTests {
    let metrics = PrometheusMetrics()

    @Test("a counter is shown as a whole number whose name ends in _total, with its dimensions as sorted labels")
    func counter() {
        let counter = metrics.makeCounter(
            label: "queue.messages-sent", dimensions: [("queue", "stock"), ("kind", "first")])
        counter.increment(by: 2)
        counter.increment(by: 3)
        #expect(
            metrics.exposition() == """
                # TYPE queue_messages_sent_total counter
                queue_messages_sent_total{kind="first",queue="stock"} 5

                """)
    }

    @Test(
        "a number of any size is shown as Prometheus reads it",
        arguments: [
            (1e300, "1e+300"), (-1e300, "-1e+300"), (.infinity, "+Inf"), (-.infinity, "-Inf"), (.nan, "NaN"),
            (9.3e18, "9.3e+18"),
        ])
    func absurd(value: Double, text: String) {
        metrics.makeMeter(label: "depth", dimensions: []).set(value)
        #expect(metrics.exposition() == "# TYPE depth gauge\ndepth \(text)\n")
    }

    @Test("the series of a metric stand together under one TYPE line")
    func families() {
        metrics.makeMeter(label: "depth", dimensions: [("queue", "b")]).set(Int64(2))
        metrics.makeMeter(label: "age", dimensions: []).set(0.25)
        metrics.makeMeter(label: "depth", dimensions: [("queue", "a")]).set(Int64(1))
        #expect(
            metrics.exposition() == """
                # TYPE age gauge
                age 0.25
                # TYPE depth gauge
                depth{queue="a"} 1
                depth{queue="b"} 2

                """)
    }

    @Test("a timer is shown as a cumulative histogram in seconds, bounds included")
    func timer() {
        let timer = metrics.makeTimer(label: "handle", dimensions: [])
        for milliseconds in [1, 1, 30, 90_000] { timer.recordNanoseconds(Int64(milliseconds) * 1_000_000) }
        let lines = metrics.exposition().split(separator: "\n")
        #expect(lines.first == "# TYPE handle_seconds histogram")
        #expect(lines.contains("handle_seconds_bucket{le=\"0.0005\"} 0"))
        #expect(lines.contains("handle_seconds_bucket{le=\"0.001\"} 2"))
        #expect(lines.contains("handle_seconds_bucket{le=\"0.05\"} 3"))
        #expect(lines.contains("handle_seconds_bucket{le=\"60\"} 3"))
        #expect(lines.contains("handle_seconds_bucket{le=\"+Inf\"} 4"))
        #expect(lines.contains("handle_seconds_count 4"))
        #expect(lines.contains("handle_seconds_sum 90.032"))
    }

    @Test("label values of metrics are escaped, so that no value can forge a line")
    func escaping() {
        metrics.makeMeter(label: "g", dimensions: [("reason", "a\"b\\c\nd 1")]).set(Int64(1))
        #expect(metrics.exposition().split(separator: "\n").last == #"g{reason="a\"b\\c\nd 1"} 1"#)
    }

    @Test(
        "no line end in a label value ends a line, with whatever it makes one character",
        arguments: ["\r", "\r\n", "\n\r"])
    func lineEnds(end: String) {
        metrics.makeMeter(label: "g", dimensions: [("reason", "a\(end)b\"\u{301}")]).set(Int64(1))
        let told = metrics.exposition()
        let escaped = end.unicodeScalars.map { $0 == "\n" ? #"\n"# : #"\\r"# }.joined()
        #expect(told == "# TYPE g gauge\ng{reason=\"a\(escaped)b\\\"\u{301}\"} 1\n")
        #expect(!told.unicodeScalars.contains("\r"))
    }

    @Test("a metric with the same name and dimensions is the same series, in whatever order")
    func sameSeries() {
        metrics.makeCounter(label: "c", dimensions: [("a", "1"), ("b", "2")]).increment(by: 1)
        metrics.makeCounter(label: "c", dimensions: [("b", "2"), ("a", "1")]).increment(by: 1)
        #expect(metrics.exposition().hasSuffix("c_total{a=\"1\",b=\"2\"} 2\n"))
    }

    @Test("a metric has one kind: another kind under its name works, but is not shown")
    func oneKind() {
        metrics.makeMeter(label: "x_total", dimensions: []).set(Int64(7))
        metrics.makeCounter(label: "x", dimensions: [("a", "1")]).increment(by: 1)
        #expect(metrics.exposition() == "# TYPE x_total gauge\nx_total 7\n")
    }

    @Test("a destroyed metric leaves no series behind")
    func destroyed() {
        let counter = metrics.makeCounter(label: "c", dimensions: [])
        metrics.destroyCounter(counter)
        #expect(metrics.exposition().isEmpty)
    }

    @Test("a counter loses nothing when many threads count at once")
    func concurrent() async {
        let counter = metrics.makeFloatingPointCounter(label: "f", dimensions: [])
        let timer = metrics.makeTimer(label: "t", dimensions: [])
        await withDiscardingTaskGroup { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<1000 {
                        counter.increment(by: 0.5)
                        timer.recordNanoseconds(1)
                    }
                }
            }
        }
        #expect(metrics.exposition().contains("f_total 4000\n"))
        #expect(metrics.exposition().contains("t_seconds_count 8000\n"))
    }
}
