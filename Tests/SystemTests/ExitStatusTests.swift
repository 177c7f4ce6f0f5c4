import Foundation
import MessageQueue
import Postgres
import TestSupport
import Testing

/// What a program says and how it ends when it is asked for something that can't be.
@Suite("Exit statuses", .timeLimit(.minutes(10)))
struct ExitStatusTests {
    /// Nobody listens there: whoever takes the values for good comes to grief another way.
    private static let nowhere = ["DATABASE_URL": "host=/nowhere"]

    @Test(
        "a command with a value outside of its range ends with status 64 and tells the range",
        arguments: [
            (["dead", "list", "--older-than", "1e300h"], "from 0s to 366d"),
            (["dead", "list", "--older-than", "400d"], "from 0s to 366d"),
            (["dead", "list", "--limit", "0"], "from 1 to 100000"),
            (["dead", "list", "--limit", "-1"], "from 1 to 100000"),
            (["dead", "redrive", "--all", "--rate", "inf"], "from one a day, 0.0000116, to a billion a second"),
            (["dead", "redrive", "--all", "--rate", "nan"], "from one a day, 0.0000116, to a billion a second"),
            (["dead", "redrive", "--all", "--rate", "1e-300"], "from one a day, 0.0000116, to a billion a second"),
            (["blocked", "list", "--limit", "9999999999999999999999"], "from 1 to 100000"),
            (["limit", "orders", "--concurrency", "9999999999"], "from 1 to 2147483647"),
            (["limit", "orders", "--rate", "0"], "from one a day, 0.0000116, to a billion a second"),
            (["limit", "orders", "--rate", "5", "--burst", "1000001"], "from 1 to 1000000"),
            (["limit", "orders", "--burst", "5"], "--burst needs --rate"),
            (["audit", "--verb", "nonsense"], "it must be one of: pause, resume"),
            (["faults", "payment", "--mode", "latency", "--latency", "1e300h"], "from 0s to 366d"),
            (["faults", "payment", "--mode", "error", "--for", "1e300h"], "from 1ms to 366d"),
            (["faults", "payment", "--mode", "error", "--rate", "nan"], "from 0 to 1"),
            (["faults", "payment", "--mode", "flapping", "--period", "1ms"], "from 20ms to 1h"),
            (["faults", "payment", "--mode", "error", "--after", "99999999999"], "from 0 to 1000000000"),
            (["scenario", "torture", "--for", "1e300h"], "from 0s to 366d"),
            (["scenario", "torture", "--episodes", "0"], "from 1 to 1000000"),
            (["scenario", "run", "all", "--times", "1001"], "from 1 to 1000"),
            (["scenario", "run", "all", "--speed", "nan"], "from 0.1 to 100"),
            (["bench", "soak", "--for", "1e300h"], "from 12s to 30d"),
            (["bench", "soak", "--rate", "inf"], "from 1 to 20000"),
            (["bench", "steady", "--for", "1e300h"], "from 1s to 1d"),
            (["bench", "drain", "--messages", "0"], "from 1 to 100000000"),
            (["bench", "orders", "--orders", "0"], "from 1 to 10000000"),
            (["bench", "orders", "--rate", "99999999999"], "from 1 to 10000"),
            (["bench", "accept", "--seconds", "0"], "from 1 to 86400"),
            (["bench", "send", "--runs", "0"], "from 1 to 1000"),
        ])
    func command(arguments: [String], range: String) async throws {
        let end = try await TestProcess.end(of: "shoeshop", arguments, environment: Self.nowhere)
        #expect(end.status == 64 && end.complaint.contains(range), "\(end)")
    }

    @Test(
        "a program with a setting outside of its range ends with status 64 and tells the range",
        arguments: [
            "order-api", "shop-desk", "message-gateway", "order-worker", "stock-worker", "payment-worker",
            "logistics-worker",
        ])
    func program(name: String) async throws {
        let own =
            name == "message-gateway"
            ? ("body-time", "1e30h", "from 1s to 1h") : ("retention", "1e30h", "from 1s to 366d")
        for (setting, value, range) in [
            own, ("shutdown-timeout", "1e300s", "from 1s to 366d"), ("database-connections", "0", "from 1 to 1000"),
        ] {
            let flag = try await TestProcess.end(of: name, ["--\(setting)", value], environment: Self.nowhere)
            #expect(flag.status == 64 && flag.complaint.contains("--\(setting) is '\(value)'"), "\(flag)")
            let variable = setting.uppercased().replacing("-", with: "_")
            let environment = Self.nowhere.merging([variable: value]) { $1 }
            let end = try await TestProcess.end(of: name, [], environment: environment)
            #expect(end.status == 64 && end.complaint.contains(variable) && end.complaint.contains(range), "\(end)")
        }
    }

    @Test(
        "a secret that is missing, short or can't be read ends a program with status 64, which names the setting and not the secret",
        arguments: [
            ("message-gateway", "GATEWAY_SECRET_KEY="), ("message-gateway", "GATEWAY_SECRET_KEY=sesame"),
            ("message-gateway", "GATEWAY_SECRET_KEY_FILE=/nowhere/sesame"), ("shop-desk", "OPERATOR_TOKEN=sesame"),
            ("shop-desk", "VIEWER_TOKEN=sesame"),
        ])
    func secret(name: String, variable: String) async throws {
        let parts = variable.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
        let environment = Self.nowhere.merging(["PORT": "0", "OPERATOR_TOKEN": "operators-have-this-one"]) { $1 }
        let end = try await TestProcess.end(
            of: name, [], environment: environment.merging([parts[0]: parts[1]]) { $1 })
        #expect(end.status == 64 && end.complaint.contains("\(parts[0]): "), "\(end)")
        #expect(!(end.output + end.complaint).contains("sesame"), "\(end)")
    }

    @Test(
        "an answer that can't be written is an error with status 74, from every program",
        arguments: [
            ("shoeshop", ["--help"]), ("shoeshop", ["--version"]), ("shoeshop", ["bench", "all", "--help"]),
            ("order-api", ["--help"]), ("stock-worker", ["--version"]), ("provider-sandbox", ["--help"]),
        ])
    func fullDevice(name: String, arguments: [String]) async throws {
        let end = try await TestProcess.end(of: name, arguments, writingTo: open("/dev/full", O_WRONLY))
        #expect(end.status == 74 && end.complaint.contains("No space left on device"), "\(end)")
    }

    @Test("the answer of a command that can't be written is an error with status 74, as a table and as JSON")
    func fullDevice() async throws {
        try await TestDatabase.with(.openShop) { database in
            for command in [["topics"], ["topics", "--json"], ["queues"], ["migrate"], ["dead", "list", "--json"]] {
                let end = try await TestProcess.end(
                    of: "shoeshop", command, environment: ["DATABASE_URL": database.conninfo],
                    writingTo: open("/dev/full", O_WRONLY))
                #expect(end.status == 74 && end.complaint.contains("No space left on device"), "\(command): \(end)")
            }
        }
    }

    @Test("what somebody printed without a look at it, and can't be written at the end, is an error with status 74")
    func printed() async throws {
        let end = try await TestProcess.end(of: "test-programs", ["printer"], writingTo: open("/dev/full", O_WRONLY))
        #expect(end.status == 74 && end.complaint.contains("No space left on device"), "\(end)")
        #expect(try await TestProcess.end(of: "test-programs", ["printer"]).status == 0)
    }

    @Test("a reader that has had enough ends a program without a word", arguments: ["shoeshop", "order-api"])
    func closedPipe(name: String) async throws {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        close(ends[0])
        let end = try await TestProcess.end(of: name, ["--help"], writingTo: ends[1])
        #expect(end.status == -SIGPIPE && end.complaint.isEmpty, "\(end)")
    }

    @Test("what is stored reaches the terminal as escapes, and a program as it is")
    func storedTexts() async throws {
        let evil = "\u{1B}[31mred\u{202E}\u{9B}2J"
        try await TestDatabase.with(.openShop) { database in
            let broker = Broker(database)
            try await broker.send([Outgoing("靴 \(evil)", key: "靴\(evil)", headers: ["h": evil])], to: Queue("orders"))
            let received = try await broker.receive("orders", lease: .seconds(600))
            try await broker.deadLetter(received.map { .init($0, reason: "test", error: "it \(evil)\nfailed") })
            for command in [
                ["dead", "list"], ["dead", "show", received[0].message.id.description],
                ["trace", "\(received[0].message.id)"],
            ] {
                let end = try await TestProcess.end(
                    of: "shoeshop", command, environment: ["DATABASE_URL": database.conninfo])
                #expect(end.status == 0 && end.output.contains(#"it \u{1b}[31mred\"#), "\(end)")
                #expect(!end.output.unicodeScalars.contains { "\u{1B}\u{202E}\u{9B}".unicodeScalars.contains($0) })
                let json = try await TestProcess.end(
                    of: "shoeshop", command + ["--json"], environment: ["DATABASE_URL": database.conninfo])
                let letters = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [[String: Any]]
                #expect((letters?.first?["error"] as? String)?.contains("it \(evil)\nfailed") == true, "\(json)")
            }
        }
    }

    @Test("an error that quotes what it was given shows it as escapes")
    func quotedTexts() async throws {
        try await TestDatabase.with(.openShop) { database in
            let end = try await TestProcess.end(
                of: "shoeshop", ["trace", "a\u{1B}[31m\u{9B}2Jb"], environment: ["DATABASE_URL": database.conninfo])
            #expect(end.status == 64 && end.complaint.contains(#"a\u{1b}[31m\u{9b}2Jb"#), "\(end)")
            #expect(!end.complaint.unicodeScalars.contains { $0 == "\u{1B}" || $0 == "\u{9B}" })
        }
    }

    @Test("help tells ranges and defaults as they are written, and no value of the source code")
    func help() async throws {
        for command in [
            ["scenario", "torture"], ["scenario", "run"], ["bench", "soak"], ["bench", "steady"], ["bench", "latency"],
            ["dead", "list"], ["faults"], ["limit"], ["up"], ["migrate"], ["bench", "orders"],
        ] {
            let end = try await TestProcess.end(of: "shoeshop", command + ["--help"])
            #expect(end.status == 0)
            for internals in ["Span(", "Optional(", ".seconds", " seconds)", "Duration"] {
                #expect(!end.output.contains(internals), "\(command): \(end.output)")
            }
        }
        let torture = try await TestProcess.end(of: "shoeshop", ["scenario", "torture", "--help"])
        #expect(
            torture.output.split(whereSeparator: \.isWhitespace).joined(separator: " ").contains(
                "0s to 366d; default: 10m"))
    }
}
