import Foundation

extension ServerPrograms {
    private static let limit = Duration.seconds(60)

    /// Makes the cluster and its database; all or nothing, also when interrupted.
    func createCluster(at place: ClusterPlace, settings: LocalPostgresSettings) async throws {
        if FileManager.default.fileExists(atPath: place.unfinished) {
            try FileManager.default.removeItem(atPath: place.unfinished)
        }
        let choices = [
            "--encoding=UTF8", "--locale=C", "--username=\(ClusterPlace.user)",
            "--auth-local=trust", "--auth-host=reject",
        ]
        try await succeed(
            "initdb", ["-D", place.unfinished] + choices + (settings.fsync ? [] : ["--no-sync"]), at: place)
        // The server in single-user mode, so that the database is there before anybody can connect.
        let name = settings.database.replacing("\"", with: "\"\"")
        try await succeed(
            "postgres", ["--single", "-D", place.unfinished, "postgres"], at: place,
            input: "CREATE DATABASE \"\(name)\"\n")
        try FileManager.default.moveItem(atPath: place.unfinished, toPath: place.data)
    }

    /// Starts the server unless it runs, and waits until it accepts connections.
    func startServer(at place: ClusterPlace, settings: LocalPostgresSettings) async throws {
        let deadline = ContinuousClock.now + Self.limit
        while true {
            if let postmaster = place.postmaster {
                if postmaster.isReady { return }
            } else if try await launch(at: place, settings: settings) {
                return
            }
            guard ContinuousClock.now < deadline else {
                throw LocalPostgresError(
                    .programFailed, "PostgreSQL is not ready after \(Self.limit). Its log is \(place.log).")
            }
            // A server that is starting, stopping or just killed is nobody's child here: there is no event to await.
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    /// Ends all connections and stops the server; a server that hangs is stopped without a checkpoint.
    func stopServer(at place: ClusterPlace) async throws {
        let command = stopCommand(at: place).dropFirst()
        if try await run("pg_ctl", Array(command), at: place).isSuccess { return }
        if place.postmaster == nil { return }
        try await succeed("pg_ctl", ["stop", "-D", place.data, "-m", "immediate", "-w"], at: place)
    }

    func stopCommand(at place: ClusterPlace) -> [String] {
        [path("pg_ctl"), "stop", "-D", place.data, "-m", "fast", "-w", "-t", "30"]
    }

    /// False when the processes of a killed predecessor still hold its memory: they end by themselves in a moment.
    private func launch(at place: ClusterPlace, settings: LocalPostgresSettings) async throws -> Bool {
        try place.clearTraces()
        let configuration = settings.configuration(socketDirectory: place.socketDirectory)
        try configuration.write(toFile: place.data + "/postgresql.conf", atomically: false, encoding: .utf8)
        let logLength = place.logLength
        let limit = "\(Self.limit.components.seconds)"
        let start = try await run(
            "pg_ctl", ["start", "-D", place.data, "-l", place.log, "-w", "-t", limit, "-s"], at: place)
        if start.isSuccess { return true }
        let log = place.log(from: logLength)
        if log.contains("shared memory block") { return false }
        throw LocalPostgresError(.programFailed, "PostgreSQL did not start. \(start.output)\n\(log)")
    }

    private func succeed(_ program: String, _ arguments: [String], at place: ClusterPlace, input: String = "")
        async throws
    {
        let result = try await run(program, arguments, at: place, input: input)
        guard result.isSuccess else {
            throw LocalPostgresError(.programFailed, "\(path(program)) failed. \(result.output)")
        }
    }
}

extension ClusterPlace {
    fileprivate var logLength: Int {
        (try? FileManager.default.attributesOfItem(atPath: log)[.size] as? Int) ?? 0
    }

    fileprivate func log(from offset: Int) -> String {
        guard let bytes = FileManager.default.contents(atPath: log)?.dropFirst(offset) else { return "" }
        return String(decoding: bytes.suffix(4096), as: UTF8.self)
    }
}
