import Synchronization

/// What a process shows its operators: health, metrics and addresses.
public final class Operations: Sendable {
    /// Passes by returning; fails by throwing, and the error's text is the reason that operators read.
    public typealias Check = @Sendable () async throws -> Void

    struct State {
        var checks: [String: Check] = [:]
        var refreshes: [@Sendable () async -> Void] = []
        var addresses: [String: String] = [:]
    }

    let metrics: PrometheusMetrics
    let state = Mutex(State())
    private let own = AsyncStream.makeStream(of: String.self, bufferingPolicy: .bufferingNewest(1))

    public init(metrics: PrometheusMetrics) { self.metrics = metrics }

    /// Makes readiness depend on a check, which has two seconds. A later check of the same name replaces it.
    public func readiness(_ name: String, _ check: @escaping Check) {
        state.withLock { $0.checks[name] = check }
    }

    /// Runs before each rendering of the metrics, to set gauges that are only worth asking for then, such as the
    /// depth of a queue. It has two seconds; afterwards the last known values are served.
    public func beforeMetrics(_ refresh: @escaping @Sendable () async -> Void) {
        state.withLock { $0.refreshes.append(refresh) }
    }

    /// Adds an address to the ready-file and the log line about listening, beside the HTTP server's own.
    public func announce(_ name: String, address: String) {
        state.withLock { $0.addresses[name] = address }
    }

    /// The HTTP server listens.
    func listens(at address: String) { own.continuation.yield(address) }

    /// Waits until the HTTP server listens, and tells where; nil when the task is cancelled before. For one that waits.
    func listening() async -> String? {
        for await address in own.stream { return address }
        return nil
    }

    func addresses(own address: String) -> [String: String] {
        state.withLock { $0.addresses }.merging(["address": address]) { _, own in own }
    }

    /// Names and reasons of the readiness checks that fail now; all are asked at once.
    func failures() async -> [String: String] {
        let checks = state.withLock { $0.checks }
        return await withTaskGroup(of: (String, String?).self) { group in
            for (name, check) in checks {
                group.addTask { (name, await Self.failure(of: check)) }
            }
            return await group.reduce(into: [:]) { failures, result in failures[result.0] = result.1 }
        }
    }

    /// The metrics as text, refreshed.
    func exposition() async -> String {
        for refresh in state.withLock({ $0.refreshes }) {
            _ = await Self.failure(of: refresh)
        }
        return metrics.exposition()
    }

    private static func failure(of check: @escaping Check) async -> String? {
        await withTaskGroup(of: String?.self) { group in
            group.addTask {
                do {
                    try await check()
                    return nil
                } catch {
                    return "\(error)"
                }
            }
            group.addTask {
                // The deadline: cancelled as soon as the check has an answer.
                try? await Task.sleep(for: .seconds(2))
                return "no answer within 2 s"
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first
        }
    }
}
