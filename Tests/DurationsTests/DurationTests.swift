import Durations
import Testing

@Suite("Durations")
struct DurationTests {
    @Test(
        "a text is read in its unit, exactly, and written in the largest unit that needs no fraction",
        arguments: [
            ("0s", Duration.zero, "0s"), ("250ms", .milliseconds(250), "250ms"), ("90s", .seconds(90), "90s"),
            ("1.5s", .milliseconds(1500), "1.5s"), ("0.1s", .milliseconds(100), "100ms"), ("2m", .seconds(120), "2m"),
            ("120s", .seconds(120), "2m"), ("1.5h", .seconds(5400), "90m"), ("24h", .seconds(86_400), "1d"),
            ("7d", .seconds(7 * 86_400), "7d"), ("366d", .longest, "366d"), ("0.2ms", .microseconds(200), "0.2ms"),
        ])
    func read(text: String, duration: Duration, written: String) {
        #expect(Duration(text: text) == duration)
        #expect(duration.text == written)
        #expect(Duration(text: written) == duration)
    }

    @Test(
        "a text that is no duration, or one of more than a year, is not read",
        arguments: [
            "", "5", "s", ".", ".s", "-1s", "+1s", "1e3s", "0x10s", "infs", "nans", "5 s", " 5s", "5 parsecs", "1.2.3s",
            "५s",
            "367d", "366.1d", "1e30h", "99999999999999999999999999h", String(repeating: "9", count: 400) + "s",
        ])
    func notRead(text: String) {
        #expect(Duration(text: text) == nil)
    }

    @Test("the longest and the shortest duration there are can be written, counted and bounded")
    func extremes() {
        let extremes: [Duration] = [.seconds(Int64.max), .seconds(1e20), .seconds(Int64.min), .seconds(-1e20)]
        for duration in extremes {
            #expect(!duration.text.isEmpty)
            #expect(duration.bounded == (duration > .zero ? .longest : .zero))
        }
        #expect(Duration.seconds(1e20).wholeMilliseconds == .max && Duration.seconds(-1e20).wholeMilliseconds == .min)
        #expect(Duration.seconds(Int64.max).wholeMicroseconds == .max)
        #expect(Duration.seconds(1e20).inSeconds == 1e20)
        #expect(Duration.longest.wholeMilliseconds == 366 * 86_400_000)
    }

    @Test("a range is told by both of its ends")
    func range() {
        #expect((Duration.seconds(1)...Duration.longest).text == "1s to 366d")
    }
}
