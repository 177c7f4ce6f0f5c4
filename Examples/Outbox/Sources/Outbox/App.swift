import Foundation
import Hummingbird
import Logging
import MessageQueue
import Metrics
import Postgres
import Tracing

@main enum App {
    static func main() async throws {
        // Before anything else: what is made earlier would count and trace for nobody.
        let metrics = TextMetrics()
        MetricsSystem.bootstrap(metrics)
        InstrumentationSystem.bootstrap(LoggedSpans(logger: Logger(label: "spans")))

        let environment = ProcessInfo.processInfo.environment
        let database = Database(environment["DATABASE_URL"] ?? "postgresql:///example")
        let broker = Broker(database)
        try await Migrator(.messageQueue, .signups).run(on: database)
        try await broker.declare(queue: Signups.welcomes.name)

        let router = Router()
        router.get("metrics") { _, _ in metrics.exposition() }
        // A span for each request to what is added from here on. A mail that is owed for it carries it to the step.
        router.add(middleware: TracingMiddleware())
        SignupRoutes(signups: Signups(database, broker)).add(to: router)
        let worker = Worker("welcomes", broker: broker, steps: [SendWelcome(mailer: Printer())])
        // On SIGTERM the last of these stops first: the server, then the worker, which finishes what it has in hand.
        let app = Application(
            router: router,
            configuration: .init(address: .hostname("127.0.0.1", port: Int(environment["PORT"] ?? "") ?? 8080)),
            services: [worker])
        try await app.runService()
    }
}
