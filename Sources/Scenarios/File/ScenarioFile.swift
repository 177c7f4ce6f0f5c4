import Durations
public import Foundation
import MessageQueue
import Yams

/// A file that is no scenario, with everything that is wrong with it.
public struct ScenarioFileError: Error, CustomStringConvertible {
    public let file: String
    public let problems: [ScenarioProblem]

    public var description: String {
        problems.map { "\(file): \($0)" }.joined(separator: "\n")
    }
}

extension Scenario {
    /// Reads a file; its name without the ending must be the scenario's.
    ///
    /// - Throws: ``ScenarioFileError``, which names line and field of everything that is wrong.
    public init(file: URL) throws {
        let name = file.lastPathComponent
        guard let text = try? String(contentsOf: file, encoding: .utf8) else {
            throw ScenarioFileError(
                file: name, problems: [.init(line: nil, field: "", what: "cannot be read as UTF-8 text")])
        }
        try self.init(yaml: text, file: name, beside: file.deletingLastPathComponent())
        let expected = file.deletingPathExtension().lastPathComponent
        guard self.name == expected else {
            let what = "must be the file's name, '\(expected)', not '\(self.name)'"
            throw ScenarioFileError(file: name, problems: [.init(line: nil, field: "name", what: what)])
        }
    }

    /// - Parameters:
    ///   - file: what errors call it.
    ///   - folder: where recordings of orders are looked for.
    /// - Throws: ``ScenarioFileError``.
    public init(yaml: String, file: String, beside folder: URL) throws {
        let problems = ProblemList()
        var scenario: Scenario?
        do {
            let node = try compose(yaml: yaml)
            let fields = Fields(node, at: "", problems)
            if node == nil { fields.complain("the file is empty") }
            scenario = ScenarioReader(fields, folder: folder).read()
            fields.finish()
        } catch let error as YamlError {
            problems.addSyntax(error)
        }
        guard let scenario, problems.all.isEmpty else {
            let sorted = problems.all.sorted { ($0.line ?? 0) < ($1.line ?? 0) }
            throw ScenarioFileError(file: file, problems: sorted)
        }
        self = scenario
    }
}

extension ProblemList {
    fileprivate func addSyntax(_ error: YamlError) {
        // The library's own text begins with the place; the rest quotes the line.
        add("this is no YAML: \("\(error)".replacing("\n", with: " "))", at: nil, "")
    }
}

/// Reads a whole file.
struct ScenarioReader {
    let fields: Fields
    let folder: URL

    init(_ fields: Fields, folder: URL) {
        self.fields = fields
        self.folder = folder
    }

    /// Nil when something required is missing, which is noted then.
    func read() -> Scenario? {
        let name = fields.required("name") { field in
            fields.read(field, as: "a name of small letters, digits and dashes") { text in
                text.wholeMatch(of: #/[a-z0-9][a-z0-9-]{0,62}/#) == nil ? nil : text
            }
        }
        let teaches = fields.required("teaches", fields.text)
        let story = fields.required("story", fields.text)
        let load = fields.required("load") { fields.list($0, phase) }
        let customers = customers()
        let floor = floor()
        let timeline = fields.list("timeline") { TimelineReader($0).entry() } ?? []
        let expectations = ExpectationReader(fields.part("expect")).expectations()
        guard let name, let teaches, let story, let load else { return nil }
        if load.isEmpty { fields.complain("must have at least one phase", about: "load") }
        return Scenario(
            name: name, teaches: teaches, story: story, load: Load(phases: load), customers: customers, shop: floor,
            timeline: timeline, expectations: expectations)
    }

    private static let rates = 0.0...5_000.0

    private func phase(_ fields: Fields) -> Load.Phase? {
        let rate = fields.number("rate", in: Self.rates)
        let from = fields.number("from", in: Self.rates)
        let to = fields.number("to", in: Self.rates)
        let length = fields.duration("for")
        let burst = fields.count("burst", in: 1...100_000)
        let recording = fields.text("recording")
        switch (rate, from, to, length, burst, recording) {
        case (let rate?, nil, nil, let length?, nil, nil): return curve(from: rate, to: rate, length, fields)
        case (nil, let from?, let to?, let length?, nil, nil): return curve(from: from, to: to, length, fields)
        case (nil, nil, nil, nil, let burst?, nil): return .burst(burst)
        case (nil, nil, nil, nil, nil, let recording?):
            let file = folder.appending(path: recording)
            if !FileManager.default.isReadableFile(atPath: file.path) {
                fields.complain("\(recording) is no readable file beside this one", about: "recording")
            }
            return .recording(path: file.path)
        default:
            fields.complain(
                "a phase is one of: `rate` with `for`; `from` and `to` with `for`; `burst`; `recording`")
            return nil
        }
    }

    /// More orders than anybody waits for would fill the memory.
    private static let mostOrders = 10_000_000

    private func curve(from: Double, to: Double, _ length: Duration, _ fields: Fields) -> Load.Phase? {
        guard (from + to) / 2 * length.inSeconds <= Double(Self.mostOrders) else {
            fields.complain("a phase has at most \(Self.mostOrders) orders: a lower rate, or a shorter time")
            return nil
        }
        return .curve(from: from, to: to, length: length)
    }

    private func customers() -> Customers {
        var all = Customers()
        guard let fields = fields.part("customers") else { return all }
        defer { fields.finish() }
        func share(_ name: String, _ path: WritableKeyPath<Customers, Double>) {
            if let value = fields.number(name, in: 0...1) { all[keyPath: path] = value }
        }
        share("declined", \.declined)
        share("undeliverable", \.undeliverable)
        share("unrefundable", \.unrefundable)
        share("cancel", \.cancel)
        share("twice", \.twice)
        share("malformed", \.malformed)
        share("oversized", \.oversized)
        if all.declined + all.undeliverable + all.unrefundable + all.malformed + all.oversized > 1 {
            fields.complain("the shares of declined, undeliverable, unrefundable, malformed and oversized exceed 1")
        }
        if let within = fields.duration("cancel-within") { all.cancelWithin = within }
        if let patience = fields.duration("patience") { all.patience = patience }
        all.sku = fields.text("sku")
        all.quantity = fields.count("quantity", in: 1...10)
        return all
    }

    private func floor() -> ShopFloor {
        var floor = ShopFloor()
        if let processes = fields.part("processes") {
            for process in ShopProcess.allCases {
                let least = process == .orderAPI ? 1...1 : 0...8
                if let count = processes.count(process.rawValue, in: least) { floor.processes[process] = count }
            }
            processes.finish()
        }
        floor.stock = fields.count("stock", in: 0...1_000_000)
        floor.breaker = fields.flag("breaker") ?? false
        if let queues = fields.part("queues") {
            for name in queues.names() {
                guard let queue = queues.queueName(name), let change = queues.part(name) else { continue }
                floor.queues[queue] = change.queueChange()
            }
            queues.finish()
        }
        return floor
    }
}

extension Fields {
    fileprivate func queueChange() -> ShopFloor.QueueChange {
        defer { finish() }
        return ShopFloor.QueueChange(
            attempts: count("attempts", in: 1...1000), backOff: duration("back-off"),
            longestBackOff: duration("longest-back-off"), lease: duration("lease"))
    }
}
