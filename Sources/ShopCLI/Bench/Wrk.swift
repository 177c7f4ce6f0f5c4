import Benchmarks
import Foundation
import Subprocess

#if canImport(System)
    import System
#else
    import SystemPackage
#endif

/// wrk, a load generator: a process of its own, so that what it costs is not taken for a cost of what is measured.
struct Wrk: Sendable {
    let address: String
    /// Clients that ask at the same time, each on a connection of its own; each waits for its answer.
    let connections: Int
    let lab: Lab

    static let isInstalled = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").contains {
        FileManager.default.isExecutableFile(atPath: "\($0)/wrk")
    }
    static let missing = BenchmarkFailure(
        "The load generator wrk was not found in PATH. Install it: apt-get install wrk (Debian, Ubuntu), brew install wrk."
    )

    /// Submits exactly so many orders, and answers where the accepted ones are to be found, in no order.
    func submit(_ count: Int, run: String) async throws -> [String] {
        let file = "\(lab.folder)/accepted-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: file) }
        // It ends itself with the last answer; the time is only a limit.
        _ = try await start(["-d", "10m"], WrkScript.counted, "/orders", try arguments("\(count)", run, file))
        guard let text = try? String(contentsOfFile: file, encoding: .utf8) else {
            throw BenchmarkFailure("wrk ended before every order was answered")
        }
        return text.split(separator: "\n").map(String.init)
    }

    /// Submits orders for some time.
    func submit(forSeconds seconds: Int, run: String) async throws -> WrkSummary {
        try await play(WrkScript.timed, forSeconds: seconds, at: "/orders", try arguments("0", run))
    }

    /// Runs a script for some time, that prints a ``WrkSummary`` as its last line.
    func play(
        _ script: String, forSeconds seconds: Int, at path: String = "/", _ arguments: [String] = []
    ) async throws -> WrkSummary {
        let output = try await start(["-d", "\(seconds)s"], script, path, arguments)
        guard let line = output.split(separator: "\n").last(where: { $0.hasPrefix("{") }) else {
            throw BenchmarkFailure("wrk told no summary: \(output)")
        }
        return try JSONDecoder().decode(WrkSummary.self, from: Data(line.utf8))
    }

    /// A file with orders first.
    private func arguments(_ others: String...) throws -> [String] {
        let bodies = "\(lab.folder)/bodies.jsonl"
        try Data(Samples.orders().joined(separator: Data("\n".utf8))).write(to: URL(filePath: bodies))
        return [bodies] + others
    }

    private func start(
        _ options: [String], _ script: String, _ path: String, _ arguments: [String]
    ) async throws -> String {
        guard Self.isInstalled else { throw Self.missing }
        let scriptFile = "\(lab.folder)/wrk.lua"
        try script.write(toFile: scriptFile, atomically: true, encoding: .utf8)
        var platform = PlatformOptions()
        platform.processGroupID = lab.processGroup
        platform.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: .seconds(1))]
        let result = try await Subprocess.run(
            .name("wrk"),
            arguments: Arguments(
                ["-t", "1", "-c", "\(connections)", "--timeout", "30s"] + options
                    + ["-s", scriptFile, address + path, "--"] + arguments),
            platformOptions: platform, input: .none, output: .string(limit: 1 << 20), error: .combinedWithOutput)
        let output = result.standardOutput
        guard result.terminationStatus.isSuccess else { throw BenchmarkFailure("wrk failed: \(output)") }
        return output
    }
}

/// What wrk tells at its end.
struct WrkSummary: Decodable {
    let requests: Int
    let failures: Int
    let seconds: Double
    /// In milliseconds: half of the answers, 99 %, 99.6 %, and all but four of 100,000 came within.
    let p50, p99, p996, p99996: Double

    var rate: Double { Double(requests - failures) / seconds }

    /// Tells it.
    static let script = script(requests: "summary.requests", failures: "e.status")

    /// - Parameters:
    ///   - requests: an expression for how many were made.
    ///   - failures: and for how many of them were refused.
    static func script(requests: String, failures: String) -> String {
        """
        function done(summary, latency)
            local e = summary.errors
            local function at(share) return latency:percentile(share) / 1000 end
            print(string.format(
                '{"requests": %d, "failures": %d, "seconds": %f, "p50": %f, "p99": %f, "p996": %f, "p99996": %f}',
                \(requests), e.connect + e.read + e.write + e.timeout + \(failures), summary.duration / 1e6,
                at(50), at(99), at(99.6), at(99.996)))
        end
        """
    }
}

/// Scripts for wrk, in Lua: each request has a body and an idempotency key of its own.
private enum WrkScript {
    private static let requests = """
        -- wrk makes one request more than it sends, at the beginning, to look at it.
        local bodies, sent = {}, -1
        local limit, run, file

        function init(args)
            for line in io.lines(args[1]) do bodies[#bodies + 1] = line end
            limit, run, file = tonumber(args[2]), args[3], args[4]
            wrk.method = "POST"
            wrk.headers["Content-Type"] = "application/json"
        end

        function request()
            sent = sent + 1
            wrk.headers["Idempotency-Key"] = run .. "-" .. sent
            return wrk.format(nil, nil, nil, bodies[sent % #bodies + 1])
        end

        """

    /// A connection that has nothing left to send waits for the others. The last answer ends the process.
    static let counted =
        requests + """
            local begun, answered, accepted = 0, 0, {}

            function delay()
                begun = begun + 1
                return begun <= limit and 0 or 3600000
            end

            function response(status, headers)
                answered = answered + 1
                if status == 202 then accepted[#accepted + 1] = headers["Location"] or headers["location"] end
                if answered < limit then return end
                local out = assert(io.open(file, "w"))
                out:write(table.concat(accepted, "\\n"))
                out:close()
                os.exit(0)
            end
            """

    static let timed = requests + WrkSummary.script
}
