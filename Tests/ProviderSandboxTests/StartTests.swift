import Foundation
import Testing

@Suite("Starting the sandbox", .timeLimit(.minutes(10)))
struct StartTests {
    /// Starts one that shall say why it does not come up, and returns its exit status.
    private func status(_ arguments: [String], saying reason: String) async throws -> Int32 {
        try await Sandbox.withDirectory { data in
            let process = try SandboxProcess(data: data, arguments)
            try await process.logged(reason)
            return await process.exitStatus()
        }
    }

    @Test("an unknown flag ends the sandbox with status 64 and names the nearest known one")
    func unknownFlag() async throws {
        let reason = "provider-sandbox: unknown flag --fsink; did you mean --fsync?"
        #expect(try await status(["--fsink"], saying: reason) == 64)
    }

    @Test("a bad value ends the sandbox with status 64 and says what would be a good one")
    func badValue() async throws {
        let reason = "--payment-port is 'http', but must be a port"
        #expect(try await status(["--payment-port=http"], saying: reason) == 64)
    }

    @Test("asking the sandbox for help is no error")
    func help() async throws {
        try await Sandbox.withDirectory { data async throws in
            #expect(try await SandboxProcess(data: data, ["--help"]).exitStatus() == 0)
        }
    }

    @Test("a port that is taken ends the sandbox with status 1 and is named")
    func takenPort() async throws {
        try await Sandbox.run { sandbox async throws in
            let port = try #require(sandbox.payment.split(separator: ":").last)
            #expect(try await status(["--payment-port=\(port)"], saying: port + ": Address already in use") == 1)
        }
    }

    @Test("the sandbox's ready-file has the pid and all addresses while it listens, and SIGTERM ends it with status 0")
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
