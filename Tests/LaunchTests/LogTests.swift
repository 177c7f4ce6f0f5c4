import Foundation
import Logging
import Testing

@testable import Launch

@Suite("Log lines")
struct LogTests {
    private func line(_ format: LogFormat, _ message: String, _ metadata: Logger.Metadata) -> String {
        LogFields(
            time: Date(timeIntervalSince1970: 1_000_000_000.25), level: .warning, label: "stock-worker",
            message: message, metadata: metadata
        ).line(format)
    }

    @Test("a readable log line has time, level, label, message and sorted pairs")
    func readable() {
        #expect(
            line(.readable, "retried", ["queue": "stock", "attempt": "3", "reason": "lock not free"])
                == "2001-09-09T01:46:40.250Z warning stock-worker: retried attempt=3 queue=stock"
                + " reason=\"lock not free\"\n")
    }

    @Test("a log line stays one line, whatever is in it", arguments: [LogFormat.readable, .json])
    func oneLine(format: LogFormat) {
        let line = line(format, "first\nsecond", ["error": "a\nb\u{1}\"c\\"])
        #expect(line.filter(\.isNewline).count == 1)
        #expect(line.hasSuffix("\n"))
    }

    @Test("a log line in JSON is JSON, with nested metadata kept")
    func json() throws {
        let line = line(.json, "a \"quoted\"\tword", ["list": ["x", "y"], "map": ["k": "v\u{7}"]])
        let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        #expect(object["message"] as? String == "a \"quoted\"\tword")
        #expect(object["level"] as? String == "warning")
        let metadata = try #require(object["metadata"] as? [String: Any])
        #expect(metadata["list"] as? [String] == ["x", "y"])
        #expect(metadata["map"] as? [String: String] == ["k": "v\u{7}"])
    }

    @Test("a readable line can't steer the terminal that it is shown on")
    func terminal() {
        let evil = "a\u{1B}[2Jb\u{9B}c\u{202E}d\u{7F}"
        let line = line(.readable, evil, ["error": "\(evil)", "plain": "靴下"])
        let shown = #"a\u{1b}[2Jb\u{9b}c\u{202e}d\u{7f} error="a\u001b[2Jb\u{9b}c\u{202e}d\u{7f}" plain=靴下"#
        #expect(line.hasSuffix(shown + "\n"))
        #expect(self.line(.json, evil, [:]).contains("\u{202E}"), "JSON is for programs")
    }

    @Test("metadata of a log event goes before that of its logger, and an error is told")
    func merging() {
        struct Broken: Error, CustomStringConvertible { let description = "it broke" }
        var handler = LineLogHandler(label: "l", format: .readable, level: .info)
        handler[metadataKey: "order"] = "1"
        handler[metadataKey: "queue"] = "stock"
        let event = LogEvent(
            level: .info, message: "m", error: Broken(), metadata: ["order": "2"], source: nil, file: "", function: "",
            line: 0)
        #expect(handler.line(for: event, at: Date()).hasSuffix(#"m error="it broke" order=2 queue=stock"# + "\n"))
    }
}
