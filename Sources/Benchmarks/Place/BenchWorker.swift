import Logging
public import MessageQueue
import Postgres
import ServiceLifecycle
import UnixSignals

/// A worker as a process of its own, with one step that does next to nothing.
public struct BenchWorker: Sendable {
    /// What its step does with a message.
    public enum Work: String, Sendable, CaseIterable {
        /// Nothing.
        case nothing
        /// Reports when its handling began.
        case stamp
        /// Reports when its handling of marked messages began; see ``Flood``.
        case sample
        /// Writes a row into `bench.effects`.
        case effect
        /// Reports when its preparation began, and never comes to an end.
        case hang
    }

    public var queue: QueueName
    public var work: Work
    /// How long segments are kept, and how often they change; nil for the usual.
    public var keep: Duration?
    public var rotate: Duration?

    public init(queue: QueueName, work: Work, keep: Duration? = nil, rotate: Duration? = nil) {
        self.queue = queue
        self.work = work
        self.keep = keep
        self.rotate = rotate
    }

    /// The command line that ``run(on:)`` is called for.
    var arguments: [String] {
        func milliseconds(_ name: String, _ duration: Duration?) -> [String] {
            duration.map { [name, "\(Int($0 / .milliseconds(1)))ms"] } ?? []
        }
        return ["--queue", queue.text, "--work", work.rawValue] + milliseconds("--keep", keep)
            + milliseconds("--rotate", rotate)
    }

    /// Works until SIGTERM.
    public func run(on conninfo: String) async throws {
        let reporter = Reporter()
        try await Lab.lend(conninfo, connections: 8) { database in
            let broker = Broker(database, logger: Lab.quiet)
            let worker = Worker("bench", broker: broker, steps: [step(reporter)], options: options(reporter))
            try await ServiceGroup(
                services: [worker], gracefulShutdownSignals: [.sigterm], logger: Lab.quiet
            ).run()
        }
    }

    private func options(_ reporter: Reporter) -> WorkerOptions {
        let retention = Broker.Retention(keep: keep ?? .seconds(3 * 86_400), rotate: rotate)
        return WorkerOptions(retention: retention, upkeepInterval: min(.seconds(30), retention.rotate / 4)) { event in
            switch event {
            case .connected: reporter.report([.ready])
            case .done(_, let count): reporter.handled(count)
            default: break
            }
        }
    }

    private func step(_ reporter: Reporter) -> any WorkerStep {
        let queue = Queue<String>(queue)
        return switch work {
        case .nothing: DoNothing(queue: queue)
        case .stamp: Stamp(queue: queue, reporter: reporter)
        case .sample: Sample(queue: queue, reporter: reporter)
        case .effect: Effect(queue: queue, reporter: reporter)
        case .hang: Hang(queue: queue, reporter: reporter)
        }
    }
}

private struct DoNothing: Step {
    let queue: Queue<String>
    func commit(_ batch: [Delivery<String>], in session: borrowing Session) throws {}
}

private struct Stamp: Step {
    let queue: Queue<String>
    let reporter: Reporter
    func commit(_ batch: [Delivery<String>], in session: borrowing Session) throws {
        let now = Monotonic.nanoseconds
        reporter.report(batch.map { .began($0.id.uuid, nanoseconds: now) })
    }
}

private struct Sample: Step {
    let queue: Queue<String>
    let reporter: Reporter
    func commit(_ batch: [Delivery<String>], in session: borrowing Session) throws {
        let now = Monotonic.nanoseconds
        let marked = batch.filter { $0.tag == Flood.mark }
        if !marked.isEmpty { reporter.report(marked.map { .began($0.id.uuid, nanoseconds: now) }) }
    }
}

/// The table is the benchmark's: `CREATE TABLE bench.effects (id uuid, at timestamptz DEFAULT now())`.
private struct Effect: Step {
    let queue: Queue<String>
    let reporter: Reporter
    func commit(_ batch: [Delivery<String>], in session: borrowing Session) throws {
        let now = Monotonic.nanoseconds
        session.pipeline("INSERT INTO bench.effects (id) SELECT unnest($1::uuid[])", batch.map(\.id.uuid))
        reporter.report(batch.map { .began($0.id.uuid, nanoseconds: now) })
    }
}

private struct Hang: PreparingStep {
    let queue: Queue<String>
    let reporter: Reporter
    var options: StepOptions { StepOptions(limit: .seconds(3600)) }
    func prepare(_ delivery: Delivery<String>) async throws {
        reporter.report([.began(delivery.id.uuid, nanoseconds: Monotonic.nanoseconds)])
        try await Task.sleep(for: .seconds(3600))
    }
    func commit(_ batch: [PreparedDelivery<String, Void>], in session: borrowing Session) throws {}
}
