import Foundation
import MessageQueue
import Postgres

@main enum Reminder {
    static func main() async throws {
        let database = Database(ProcessInfo.processInfo.environment["DATABASE_URL"] ?? "postgresql:///example")
        let appointments = Appointments(database)
        try await appointments.prepare()
        let words = Array(CommandLine.arguments.dropFirst())
        switch (words.first, words.count) {
        case ("work", 1):
            let steps = [Remind(appointments: appointments)]
            try await Worker("reminder", broker: appointments.broker, steps: steps).runService()
        case ("book", 3):
            print(try await appointments.book(words[1], at: try date(words[2])))
            await appointments.broker.flush()
        case ("move", 3):
            try await appointments.move(try id(words[1]), to: try date(words[2]))
            await appointments.broker.flush()
        case ("cancel", 2):
            try await appointments.cancel(try id(words[1]))
        default:
            throw Misuse()
        }
    }

    private static func id(_ word: String) throws -> Int {
        guard let id = Int(word) else { throw Misuse() }
        return id
    }

    /// Given in minutes from now.
    private static func date(_ word: String) throws -> Date {
        guard let minutes = Double(word) else { throw Misuse() }
        return Date(timeIntervalSinceNow: minutes * 60)
    }
}

struct Misuse: Error, CustomStringConvertible {
    let description = "reminder work | book NAME MINUTES | move ID MINUTES | cancel ID"
}
