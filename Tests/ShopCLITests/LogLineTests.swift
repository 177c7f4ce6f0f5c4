import Testing

@testable import ShopProcesses

@Suite("Lines of a log that tell of trouble")
struct LogLineTests {
    @Test(
        "a line of a level from warning on tells of trouble, and one with an error, in either format",
        arguments: [
            "2026-11-27T16:03:11.042Z warning stock-worker: the database is away",
            "2026-11-27T16:03:11.042Z error order-api: a request failed path=/orders",
            "2026-11-27T16:03:11.042Z critical order-api: stopped by a failure",
            "2026-11-27T16:03:11.042Z info stock-worker: gauges failed, trying again error=\"no route\"",
            #"{"time":"2026-11-27T16:03:11.042Z","level":"warning","label":"a","message":"m","metadata":{}}"#,
            #"{"time":"2026-11-27T16:03:11.042Z","level":"critical","label":"a","message":"m","metadata":{"x":["y"]}}"#,
            #"{"time":"2026-11-27T16:03:11.042Z","level":"info","label":"a","message":"m","metadata":{"error":"e"}}"#,
        ])
    func trouble(line: String) { #expect(LogLine(line[...]).tellsOfTrouble) }

    @Test(
        "a line that only has such a word in its text tells of none",
        arguments: [
            "2026-11-27T16:03:11.042Z info stock-worker: no error was found",
            "2026-11-27T16:03:11.042Z info stock-worker: a warning of rain",
            #"{"time":"t","level":"info","label":"a","message":"an error , error=1","metadata":{"level":"error"}}"#,
            "{", "", "a line of something else",
        ])
    func none(line: String) { #expect(!LogLine(line[...]).tellsOfTrouble) }
}
