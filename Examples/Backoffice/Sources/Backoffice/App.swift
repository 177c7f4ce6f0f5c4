import Foundation
import Hummingbird
import MessageQueue
import Postgres
import QueueDesk

@main enum App {
    static func main() async throws {
        let environment = ProcessInfo.processInfo.environment
        let database = Database(environment["DATABASE_URL"] ?? "postgresql:///example")
        let broker = Broker(database)
        try await Migrator(.messageQueue, .questions).run(on: database)
        try await broker.declare(queue: Questions.mails.name)

        let questions = Questions(database, broker)
        let desk = QueueDesk(broker, options: try options(token: environment["OPERATOR_TOKEN"]))
        let router = Router()
        QuestionRoutes(questions: questions).add(to: router)
        desk.addRoutes(to: router) { QuestionsPage(desk: desk, questions: questions).add(to: $0) }
        // On SIGTERM the last of these stops first: the server, then the desk, then the worker.
        let app = Application(
            router: router,
            configuration: .init(address: .hostname("127.0.0.1", port: Int(environment["PORT"] ?? "") ?? 8080)),
            services: [Worker("mails", broker: broker, steps: [SendMail()]), desk])
        try await app.runService()
    }

    private struct TokenIsShort: Error {}

    /// - Throws: for a token that could be guessed.
    private static func access(token: String?) throws -> Access {
        guard let token else { return .loopback(as: NSUserName()) }
        guard let read = AccessToken(token) else { throw TokenIsShort() }
        return .tokens(operators: [read])
    }

    private static func options(token: String?) throws -> QueueDesk.Options {
        var options = QueueDesk.Options(
            title: "Back office", path: "/queues",
            access: try access(token: token),
            links: [.init("Questions", path: "/queues/questions")])
        // Whoever sends a mail by hand at the desk is told when the step could not read it.
        options.checks[Questions.mails.name] = { _ = try JSONDecoder().decode(Mail.self, from: Data($0)) }
        return options
    }
}
