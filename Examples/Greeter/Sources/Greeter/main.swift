import MessageQueue
import Postgres

struct Greet: Step {
    let queue = Queue<String>("greetings")
    func commit(_ batch: [Delivery<String>], in session: borrowing Session) throws {
        for greeting in batch { session.pipeline("INSERT INTO greeted (name) VALUES ($1)", greeting.payload) }
    }
}

let database = Database("postgresql:///example")
try await Migrator(.messageQueue).run(on: database)
try await database.execute("CREATE TABLE IF NOT EXISTS greeted (name text)")
let broker = Broker(database)
try await broker.declare(queue: "greetings")
try await broker.send("Ada", to: Queue<String>("greetings"))
try await Worker("greeter", broker: broker, steps: [Greet()]).runService()
