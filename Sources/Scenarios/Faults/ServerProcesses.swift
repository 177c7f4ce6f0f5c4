import Foundation
import Subprocess

/// A postmaster and the processes that it has started.
struct ServerProcesses: Sendable {
    let postmaster: Int32

    init(of postmaster: Int32) { self.postmaster = postmaster }

    /// Kills all of them with SIGKILL.
    ///
    /// The postmaster is stopped first: it starts no more children then, and none of them is missed.
    func kill() async throws {
        signal(postmaster, SIGSTOP)
        let children: [Int32]
        do { children = try await self.children() } catch {
            signal(postmaster, SIGCONT)
            throw error
        }
        for process in [postmaster] + children { signal(process, SIGKILL) }
    }

    private func signal(_ process: Int32, _ number: Int32) {
        // One that has ended already needs no signal.
        _ = Foundation.kill(process, number)
    }

    /// Linux tells in `/proc`, and need not have `pgrep`; macOS has `pgrep`.
    private func children() async throws -> [Int32] {
        if FileManager.default.fileExists(atPath: "/proc/self/stat") {
            return try FileManager.default.contentsOfDirectory(atPath: "/proc")
                .compactMap { Int32($0) }.filter { parent(of: $0) == postmaster }
        }
        let answer = try await run(
            .name("pgrep"), arguments: ["-P", "\(postmaster)"], output: .string(limit: 1 << 16), error: .discarded)
        return answer.standardOutput.split(separator: "\n").compactMap { Int32($0) }
    }

    /// The second field after the program's name, which is in brackets and may hold anything (proc(5)).
    private func parent(of process: Int32) -> Int32? {
        let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
        guard let text, let bracket = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: bracket)...].split(separator: " ")
        return fields.count > 1 ? Int32(fields[1]) : nil
    }
}
