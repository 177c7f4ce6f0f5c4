import Foundation
import Testing

@Suite("Starting the sandbox")
struct StartTests {
    private func run(_ arguments: [String]) async throws -> (status: Int32, log: String) {
        try await Sandbox.withDirectory { data in
            let process = try SandboxProcess(data: data, arguments)
            return (await process.exitStatus(), await process.rest())
        }
    }

    @Test("an unknown flag ends it with status 64 and names the nearest known one")
    func unknownFlag() async throws {
        let (status, log) = try await run(["--fsink"])
        #expect(status == 64)
        #expect(log.contains("provider-sandbox: unknown flag --fsink; did you mean --fsync?"))
    }

    @Test("a bad value ends it with status 64 and says what would be a good one")
    func badValue() async throws {
        let (status, log) = try await run(["--payment-port=http"])
        #expect(status == 64)
        #expect(log.contains("--payment-port is 'http', but must be a port"))
    }

    @Test("help is no error")
    func help() async throws {
        #expect(try await run(["--help"]).status == 0)
    }

    @Test("a port that is taken ends it with status 1 and is named")
    func takenPort() async throws {
        try await Sandbox.run { sandbox async throws in
            let port = try #require(sandbox.payment.split(separator: ":").last)
            let (status, log) = try await run(["--payment-port=\(port)"])
            #expect(status == 1)
            #expect(log.contains(port))
        }
    }

    @Test("the ready-file has the pid and all addresses while it listens, and SIGTERM ends it with status 0")
    func readyFile() async throws {
        try await Sandbox.withDirectory { data in
            let file = data.appending(path: "ready.json")
            let process = try SandboxProcess(data: data, ["--ready-file", file.path])
            let addresses = try await process.addresses()
            let ready = try #require(
                try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
            #expect(ready["pid"] as? Int32 == process.pid)
            for (name, address) in addresses { #expect(ready[name] as? String == address) }
            process.signal(SIGTERM)
            #expect(await process.exitStatus() == 0)
            #expect(!FileManager.default.fileExists(atPath: file.path))
        }
    }
}
