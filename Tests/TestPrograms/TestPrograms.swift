import Postgres
import Terminal

/// Programs that tests run as processes of their own: `test-programs greeter CONNINFO` and so on.
///
/// Swift Testing's exit tests are no way to do that here: each takes one of the threads that run tasks for as long as its child
/// lives, and two of them at once on two cores take all, also of the test that would have ended them.
@main
enum TestPrograms {
    static func main() async throws {
        switch Array(CommandLine.arguments.dropFirst()) {
        case ["deaf"]: try await Deaf.stop()
        case ["blocked"]: try await Deaf.stop(Deaf.block)
        case ["printer"]:
            StandardStream.checkAtExit()
            print("printed by somebody who does not look whether it came through")
        case let words where words.count == 3 && words[0] == "labeller":
            try await label(words[2], in: Database(words[1]))
        case let words where words.count == 2 && words[0] == "greeter": try await greet(Database(words[1]))
        case let words where words.count == 2 && words[0] == "latched": try await work(Database(words[1]))
        default: fatalError("one of: deaf, blocked, printer, greeter and latched CONNINFO, labeller CONNINFO TEXT")
        }
    }
}
