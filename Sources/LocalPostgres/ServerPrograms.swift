import Foundation

/// PostgreSQL's own programs, all of one version, in one folder.
struct ServerPrograms: Sendable {
    static let names = ["initdb", "pg_ctl", "postgres"]

    let directory: String

    /// Looks where `PGBIN` says, then along `PATH`, where `pg_config` says, and where packages install them.
    ///
    /// - Parameter version: only programs of this version fit, when the cluster already has one.
    static func find(version: String?) async throws -> ServerPrograms {
        for directory in await candidates() {
            let programs = ServerPrograms(directory: directory)
            guard programs.areComplete else { continue }
            if let version, try await programs.version() != version { continue }
            return programs
        }
        throw LocalPostgresError(
            .serverNotInstalled,
            "The PostgreSQL \(version.map { $0 + " " } ?? "")server was not found (\(names.joined(separator: ", "))). "
                + "Install it (Debian, Ubuntu: apt-get install postgresql; macOS: brew install postgresql), "
                + "or set PGBIN to the folder of its programs.")
    }

    func path(_ program: String) -> String { directory + "/" + program }

    /// Runs a program as the cluster's account, within the cluster's folder, and answers what it printed.
    func run(_ program: String, _ arguments: [String], at place: ClusterPlace, input: String = "") async throws
        -> (isSuccess: Bool, output: String)
    {
        try await execute([path(program)] + arguments, as: place.account, in: place.home, input: input)
    }

    private var areComplete: Bool {
        Self.names.allSatisfy { FileManager.default.isExecutableFile(atPath: path($0)) }
    }

    /// The major version, such as "15", of "postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)".
    private func version() async throws -> String? {
        let answer = try await execute([path("postgres"), "--version"], in: "/").output
        let number = answer.split(separator: " ").first { $0.first?.isNumber == true }
        return number?.prefix { $0.isNumber }.description
    }

    private static func candidates() async -> [String] {
        let environment = ProcessInfo.processInfo.environment
        let onPath = environment["PATH", default: ""].split(separator: ":").map(String.init)
        return ([environment["PGBIN"]].compactMap { $0 } + onPath + [await configured()].compactMap { $0 } + packaged())
            .map { URL(filePath: $0 + "/pg_ctl").resolvingSymlinksInPath().deletingLastPathComponent().path }
    }

    /// What `pg_config` answers; it comes with the client library and is often absent.
    private static func configured() async -> String? {
        guard let answer = try? await execute(["pg_config", "--bindir"], in: "/"), answer.isSuccess else { return nil }
        return answer.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// `/usr/lib/postgresql/17/bin` (Debian), `/usr/pgsql-17/bin` (Red Hat), Homebrew's folders; newest first.
    private static func packaged() -> [String] {
        let roots = ["/usr/lib/postgresql", "/usr", "/opt/homebrew/opt", "/usr/local/opt"]
        return roots.flatMap { root in
            let entries = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
            return
                entries
                .filter { root == "/usr/lib/postgresql" || $0.hasPrefix("pgsql-") || $0.hasPrefix("postgresql") }
                .sorted { $0.compare($1, options: .numeric) == .orderedDescending }
                .map { "\(root)/\($0)/bin" }
        }
    }
}
