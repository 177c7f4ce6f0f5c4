import ArgumentParser
import Benchmarks
import Foundation
import Scenarios

/// How runs are made, and what they leave behind.
struct ScenarioOptions: ParsableArguments {
    @Option(help: "Repeats customers, and whatever else is drawn. Default: a new one, which is printed.")
    var seed: UInt64?
    @Option(
        help: speeds.help("How many times as fast the story goes; the orders are the same ones.", default: 1),
        transform: speeds.read)
    var speed = 1.0
    @Option(name: .customLong("report"), help: "Writes a page of HTML about it: a file.")
    var report: String?
    @Option(help: "Keeps logs and ledgers in this folder; it must not exist.")
    var keep: String?
    @Flag(help: "Keeps the database in memory (/dev/shm), where a slow disk does no harm.")
    var tmpfs = false

    func validate() throws {
        if let keep, FileManager.default.fileExists(atPath: keep) {
            throw ValidationError("\(keep) exists already. Give --keep a folder that does not.")
        }
    }

    private static let speeds = Allowed.number(0.1...100)

    /// A folder for one more run; runs of one command get one each.
    func folder(_ number: Int) -> URL {
        if let keep { return URL(filePath: number == 0 ? keep : "\(keep)-\(number + 1)") }
        let parent = tmpfs ? URL(filePath: "/dev/shm") : FileManager.default.temporaryDirectory
        return parent.appending(path: "shoeshop-scenario-\(UUID().uuidString.prefix(8).lowercased())")
    }

    /// - Parameter command: what plays it again, without seed and speed.
    func run(
        _ scenario: Scenario, by command: String, seed: UInt64, shop: RunRecord.Shop = .decoupled, number: Int,
        on screen: Screen
    ) throws -> ScenarioRun {
        let speed = speed == 1 ? "" : " --speed \(speed)"
        return ScenarioRun(
            scenario, seed: seed, speed: self.speed, shop: shop, catalogue: try Samples.catalogue(),
            folder: folder(number), keepsFolder: keep != nil, machine: Machine.description,
            command: "shoeshop scenario \(command) --seed \(seed)\(speed)"
        ) { news in
            switch news {
            case .event(let at, let what): await screen.notice("\(RunShow.clock(at))  \(what)")
            case .sample(let sample): await screen.refresh(RunShow.lines(sample))
            }
        }
    }

    func write(_ html: () throws -> String) throws {
        guard let report else { return }
        try html().write(toFile: report, atomically: true, encoding: .utf8)
    }
}
