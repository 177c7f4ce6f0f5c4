import Foundation
import Subprocess

#if canImport(System)
    import System
#else
    import SystemPackage
#endif

/// A worker process as the benchmark sees it.
public struct LabWorker: Sendable {
    public let processID: Int32
    /// For one reader at a time; ends with the process.
    public let reports: AsyncStream<WorkerReport>
    /// Seconds from its start until it listened.
    public fileprivate(set) var startTime = 0.0

    /// Sends a signal; nothing happens when the process has ended.
    public func signal(_ number: Int32) { kill(processID, number) }

    /// Waits until so many messages are handled and committed.
    public func handled(_ count: Int, within limit: Duration = .seconds(120)) async throws {
        try await awaited("\(count) messages to be handled", within: limit) { report in
            if case .handled(let total) = report { total >= count } else { false }
        }
    }

    /// Waits until a report is what is looked for.
    public func awaited(
        _ what: String, within limit: Duration = .seconds(60), _ isIt: @escaping @Sendable (WorkerReport) -> Bool
    ) async throws {
        try await within(limit, waitingFor: what) {
            for await report in reports where isIt(report) { return }
            try Task.checkCancellation()
            throw BenchmarkFailure("the worker ended while waiting for \(what)")
        }
    }
}

extension Lab {
    /// Starts a worker process, waits until it listens, lends it to `body` and ends it: SIGTERM, then SIGKILL.
    public func withWorker<T: Sendable>(
        _ worker: BenchWorker, on conninfo: String, _ body: @escaping @Sendable (LabWorker) async throws -> T
    ) async throws -> T {
        let (reader, writer) = try FileDescriptor.pipe()
        for end in [reader, writer] { _ = fcntl(end.rawValue, F_SETFD, FD_CLOEXEC) }
        let reports = WorkerReport.stream(from: reader)
        var platform = PlatformOptions()
        platform.processGroupID = processGroup
        let command = options.worker + worker.arguments
        let start = ContinuousClock.now
        let result = try await Subprocess.run(
            .path(FilePath(command[0])), arguments: Arguments(Array(command.dropFirst())),
            environment: .inherit.updating(["DATABASE_URL": conninfo]), platformOptions: platform, input: .none,
            output: .fileDescriptor(writer, closeAfterSpawningProcess: true), error: .currentStandardError
        ) { execution in
            var worker = LabWorker(processID: execution.processIdentifier.value, reports: reports)
            let outcome: Result<T, any Error>
            do {
                try await worker.awaited("a worker to start") { $0 == .ready }
                worker.startTime = start.secondsUntilNow
                outcome = .success(try await body(worker))
            } catch {
                outcome = .failure(error)
            }
            await execution.teardown(using: [.gracefulShutDown(allowedDurationToNextStep: .seconds(10))])
            return outcome
        }
        return try result.closureResult.get()
    }
}

extension WorkerReport {
    /// What comes in, until the other end is closed. Takes the descriptor over.
    fileprivate static func stream(from reader: FileDescriptor) -> AsyncStream<WorkerReport> {
        let (stream, continuation) = AsyncStream<WorkerReport>.makeStream()
        Thread.detachNewThread {
            defer { try? reader.close() }
            var rest = Data()
            var chunk = [UInt8](repeating: 0, count: 1 << 12)
            while let count = try? chunk.withUnsafeMutableBytes({ try reader.read(into: $0) }), count > 0 {
                rest.append(contentsOf: chunk[..<count])
                while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                    if let report = WorkerReport(line: String(decoding: rest[..<end], as: UTF8.self)) {
                        continuation.yield(report)
                    }
                    rest = rest[(end + 1)...]
                }
            }
            continuation.finish()
        }
        return stream
    }
}

/// Runs `action`, and fails once the limit has passed.
func within<T: Sendable>(
    _ limit: Duration, waitingFor what: String, _ action: @escaping @Sendable () async throws -> T
) async throws -> T {
    try await withThrowingTaskGroup(of: T.self) { group in
        group.addTask { try await action() }
        group.addTask {
            try await Task.sleep(for: limit)
            throw BenchmarkFailure("waited \(limit) for \(what) in vain")
        }
        defer { group.cancelAll() }
        guard let first = try await group.next() else { throw CancellationError() }
        return first
    }
}
