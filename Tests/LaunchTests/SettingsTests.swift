import Logging
import MessageQueue
import Testing

@testable import Launch

@Suite("Settings")
struct SettingsTests {
    static let limit = Setting("batch-limit", default: 10, "Most messages in a batch.")
    static let pause = Setting("pause", default: Duration.seconds(1), "Time between two looks.")
    static let verbose = Setting("verbose", default: false, "Says more.")
    static let url = Setting("database-url", default: "postgresql:///shop", "Where the data is.")
    static let table: [any SettingDeclaration] = Settings.standard(port: 0) + [limit, pause, verbose, url]

    private func read(_ arguments: [String], _ environment: [String: String] = [:]) throws(SettingsError) -> Settings {
        try Settings(Self.table, arguments: arguments, environment: environment)
    }

    private func problems(_ arguments: [String], _ environment: [String: String] = [:]) -> [String] {
        do throws(SettingsError) {
            _ = try read(arguments, environment)
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    @Test("a setting that nobody gives has its default")
    func defaults() throws {
        let settings = try read([])
        #expect(settings[Self.limit] == 10)
        #expect(settings[Settings.readyFile] == nil)
    }

    @Test("a flag goes before the environment variable, and that before the default")
    func precedence() throws {
        #expect(try read([], ["BATCH_LIMIT": "20"])[Self.limit] == 20)
        #expect(try read(["--batch-limit", "30"], ["BATCH_LIMIT": "20"])[Self.limit] == 30)
        #expect(try read(["--batch-limit=40"])[Self.limit] == 40)
    }

    @Test("a connection string keeps its commas, blanks and equals signs, from a flag and from the environment")
    func connectionString() throws {
        let multiHost = "host=a,b port=5432,5433 target_session_attrs=read-write"
        #expect(try read(["--database-url", multiHost])[Self.url] == multiHost)
        #expect(try read(["--database-url=\(multiHost)"])[Self.url] == multiHost)
        #expect(try read([], ["DATABASE_URL": multiHost])[Self.url] == multiHost)
    }

    @Test("an empty variable counts as absent, an empty flag does not")
    func empty() throws {
        #expect(try read([], ["BATCH_LIMIT": ""])[Self.limit] == 10)
        #expect(problems(["--batch-limit="]) == ["--batch-limit is '', but must be a whole number"])
    }

    @Test("a flag alone switches on, and does not swallow what comes after it")
    func bareFlag() throws {
        let settings = try read(["--verbose", "--pause", "250ms"])
        #expect(settings[Self.verbose])
        #expect(settings[Self.pause] == .milliseconds(250))
        #expect(try read(["--verbose=false"], ["VERBOSE": "true"])[Self.verbose] == false)
    }

    @Test("who is told of health and metrics is one of two words, this machine unless given, and no other")
    func operationsFrom() throws {
        #expect(try read([])[Settings.operationsFrom] == .loopback)
        #expect(try read(["--operations-from", "anywhere"])[Settings.operationsFrom] == .anywhere)
        #expect(try read([], ["OPERATIONS_FROM": "Loopback"])[Settings.operationsFrom] == .loopback)
        let refused = problems([], ["OPERATIONS_FROM": "everywhere"])
        #expect(refused == ["OPERATIONS_FROM is 'everywhere', but must be loopback or anywhere"])
    }

    @Test("an unknown flag is an error that proposes the nearest known one")
    func unknownFlag() {
        #expect(problems(["--batch-limt", "3"]) == ["unknown flag --batch-limt; did you mean --batch-limit?"])
        #expect(problems(["--colour", "red"]) == ["unknown flag --colour"])
        #expect(problems(["run"]) == ["unexpected argument 'run'; settings are given as --name value"])
    }

    @Test("every problem with the settings is told at once, with the place where the bad value is")
    func everyProblem() {
        let found = problems(["--pause", "soon", "--batch-limit"], ["LOG_LEVEL": "loud", "PORT": "70000"])
        #expect(found.contains("--pause is 'soon', but must be a duration such as 250ms, 90s, 1.5h or 7d"))
        #expect(found.contains("--batch-limit needs a value: a whole number"))
        #expect(found.contains("PORT is '70000', but must be a port from 0 (any free one) to 65535"))
        #expect(found.contains { $0.hasPrefix("LOG_LEVEL is 'loud', but must be one of trace, debug") })
        #expect(found.count == 4)
    }

    @Test(
        "a value outside of its range is refused from a flag and from the environment, and told the range",
        arguments: [
            ("retention", "1e30h", "a duration such as 250ms, 90s, 1.5h or 7d, from 1s to 366d"),
            ("retention", "0s", "a duration such as 250ms, 90s, 1.5h or 7d, from 1s to 366d"),
            ("retention", "367d", "a duration such as 250ms, 90s, 1.5h or 7d, from 1s to 366d"),
            ("shutdown-timeout", "1e300s", "a duration such as 250ms, 90s, 1.5h or 7d, from 1s to 366d"),
            ("database-connections", "0", "a whole number, from 1 to 1000"),
            ("database-connections", "-4", "a whole number, from 1 to 1000"),
            ("database-connections", "99999999999999999999", "a whole number, from 1 to 1000"),
        ])
    func outOfRange(name: String, text: String, rule: String) throws {
        let table = Settings.standard(port: 0) + Settings.worker
        let variable = name.uppercased().replacing("-", with: "_")
        for (arguments, environment, source) in [
            (["--\(name)", text], [:], "--\(name)"), ([], [variable: text], variable),
        ] {
            let error = try #require(throws: SettingsError.self) {
                try Settings(table, arguments: arguments, environment: environment)
            }
            #expect(error.description == "\(source) is '\(text)', but must be \(rule)")
        }
    }

    @Test("durations of a year are taken by every setting that is a duration")
    func year() throws {
        let settings = try Settings(
            Settings.standard(port: 0) + Settings.worker, arguments: ["--retention", "366d"],
            environment: ["SHUTDOWN_TIMEOUT": "366d"])
        #expect(settings[Settings.retention] == .seconds(366 * 86_400))
        #expect(settings[Settings.shutdownTimeout] == .seconds(366 * 86_400))
    }

    @Test("a crash point is a phase and a count, and anything else is told what it has to be")
    func crashPoint() throws {
        let table: [any SettingDeclaration] = [Settings.crash]
        let settings = try Settings(table, arguments: ["--crash", "before-commit:20"], environment: [:])
        let point = try #require(settings[Settings.crash])
        #expect(point.phase == .beforeCommit && point.count == 20 && point.settingText == "before-commit:20")
        #expect(try Settings(table, arguments: [], environment: [:])[Settings.crash] == nil)
        for text in [
            "before-commit", "before-commit:", ":3", "lunch:3", "after-commit:0", "after-commit:-1",
            "after-prepare:1:2",
        ] {
            let error = try #require(throws: SettingsError.self) {
                try Settings(table, arguments: [], environment: ["CRASH": text])
            }
            #expect(
                error.description == "CRASH is '\(text)', but must be a phase and a count such as before-commit:20; "
                    + "the phases are after-prepare, before-commit, after-commit")
        }
    }

    @Test("a worker's breaker is off until asked for, and its version is the library's until another is given")
    func worker() throws {
        let standard = try Settings(Settings.worker, arguments: [], environment: [:])
        #expect(!standard[Settings.breaker] && standard[Settings.workerVersion] == Broker.libraryVersion)
        let given = try Settings(Settings.worker, arguments: ["--breaker"], environment: ["WORKER_VERSION": "2"])
        #expect(given[Settings.breaker] && given[Settings.workerVersion] == "2")
    }

    @Test("the help shows each setting with flag, variable, meaning and default")
    func help() {
        let help = Help(name: "example", about: "Shows how.", table: Self.table).text
        #expect(help.hasPrefix("example: Shows how.\n"))
        let limit = help.split(separator: "\n").first { $0.contains("--batch-limit") }
        #expect(limit?.contains("BATCH_LIMIT") == true)
        #expect(limit?.contains("Most messages in a batch. (default: 10)") == true)
        #expect(help.contains("(from 1s to 366d; default: 30s)"))
        for setting in Self.table { #expect(help.contains(setting.flag) && help.contains(setting.meaning)) }
    }
}
