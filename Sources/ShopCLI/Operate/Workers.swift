import ArgumentParser
import MessageQueue

struct Workers: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Shows each process that receives messages: version, host, last sign of life, what it holds, open breakers."
    )

    @OptionGroup var connection: DatabaseOption
    @OptionGroup var output: Output

    func run() async throws {
        let workers = try await connection.withDatabase { database in
            let broker = Broker(database)
            return WorkerEntry.entries(try await broker.consumers(), try await broker.holdings())
        }
        try output.show(workers) { WorkerEntry.table(workers) }
    }
}

/// A process that receives messages, with what it has in its hands.
struct WorkerEntry: Encodable {
    let worker: ConsumerEntry
    /// Messages by queue.
    let holds: [String: Int]

    static func entries(_ consumers: [ConsumerEntry], _ holdings: [Holding]) -> [WorkerEntry] {
        consumers.map { consumer in
            let held = holdings.filter { $0.consumer == consumer.id }.map { ($0.queue.text, $0.messages) }
            return WorkerEntry(worker: consumer, holds: Dictionary(held) { $0 + $1 })
        }
    }

    static func table(_ workers: [WorkerEntry]) -> Table {
        Table(
            [
                .text("WORKER"), .text("VERSION"), .text("HOST"), .number("PROCESS"), .number("LAST SEEN"),
                .text("HOLDS"),
                .text("BREAKER"),
            ],
            rows: workers.map { entry in
                let worker = entry.worker
                return [
                    worker.name, worker.version, worker.host, "\(worker.pid)",
                    Span(seconds: worker.silence).text + " ago",
                    entry.holds.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", "),
                    worker.breakers.keys.sorted().map { "open for \($0)" }.joined(separator: ", "),
                ]
            })
    }
}
