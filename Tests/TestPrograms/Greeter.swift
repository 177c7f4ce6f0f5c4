import MessageQueue
import Postgres

/// The library example of the README, in the words of the README.
struct Greet: Step {
    let queue = Queue<String>("greetings")
    func commit(_ batch: [Delivery<String>], in session: borrowing Session) throws {
        for greeting in batch { session.pipeline("INSERT INTO greeted (name) VALUES ($1)", greeting.payload) }
    }
}

func greet(_ database: Database) async throws {
    try await Migrator(.messageQueue).run(on: database)
    try await database.execute("CREATE TABLE IF NOT EXISTS greeted (name text)")
    let broker = Broker(database)
    try await broker.declare(queue: "greetings")
    try await broker.send("Ada", to: Queue<String>("greetings"))
    try await Worker("greeter", broker: broker, steps: [Greet()]).runService()
}
