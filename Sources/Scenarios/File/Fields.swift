import Durations
import Foundation
import Yams

/// What is wrong with a scenario file: line, field, and how to mend it.
public struct ScenarioProblem: Sendable, Equatable, CustomStringConvertible {
    /// From 1; nil when it concerns the file as a whole.
    public let line: Int?
    /// Such as `timeline[2].for`; empty for the file as a whole.
    public let field: String
    public let what: String

    public var description: String {
        [line.map { "line \($0)" }, field.isEmpty ? nil : field, what].compactMap(\.self).joined(separator: ": ")
    }
}

/// Collects what is wrong, so that all of it can be told at once.
final class ProblemList {
    private(set) var all: [ScenarioProblem] = []

    func add(_ what: String, at node: Node?, _ field: String) {
        all.append(ScenarioProblem(line: node?.mark?.line, field: field, what: what))
    }
}

/// A mapping of the file, read field by field. A field that is absent is nil, and so is one that is wrong, which is noted.
///
/// Fields that nobody asked for are unknown: ``finish()`` notes them.
final class Fields {
    let path: String
    let node: Node?
    private let values: [String: Node]
    private let problems: ProblemList
    private var asked: [String] = []

    init(_ node: Node?, at path: String, _ problems: ProblemList) {
        self.path = path
        self.node = node
        self.problems = problems
        if let node, node.mapping == nil { problems.add("must be a mapping of fields", at: node, path) }
        let pairs = (node?.mapping.map(Array.init) ?? []).compactMap { key, value in key.string.map { ($0, value) } }
        values = Dictionary(pairs) { first, _ in first }
    }

    /// Notes every field that was not asked for.
    func finish() {
        for name in values.keys.sorted() where !asked.contains(name) {
            let known = asked.isEmpty ? "nothing is known here" : "known here: \(asked.joined(separator: ", "))"
            problems.add("unknown field; \(known)", at: values[name], full(name))
        }
    }

    func has(_ name: String) -> Bool { values[name] != nil }

    /// Notes that something is wrong with a field, or with the mapping itself.
    func complain(_ what: String, about name: String? = nil) {
        problems.add(what, at: name.flatMap { values[$0] } ?? node, name.map(full) ?? path)
    }

    // MARK: Values

    func text(_ name: String) -> String? {
        guard let node = ask(name) else { return nil }
        guard let text = node.scalar?.string, !text.trimmingCharacters(in: .whitespacesAndNewlines).isEmpty else {
            complain("must be a text", about: name)
            return nil
        }
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    func required<T>(_ name: String, _ read: (String) -> T?) -> T? {
        if !has(name) { complain("\(name) is missing") }
        return read(name)
    }

    /// Reads a text by a rule that answers nil for a wrong one.
    func read<T>(_ name: String, as expected: String, _ rule: (String) -> T?) -> T? {
        guard let node = ask(name) else { return nil }
        guard let text = node.scalar?.string, let value = rule(text) else {
            complain("\(node.scalar.map { "'\($0.string)'" } ?? "this") is not \(expected)", about: name)
            return nil
        }
        return value
    }

    func duration(_ name: String) -> Duration? {
        read(name, as: "\(Duration.textForm), 366d at the most") { Duration(text: $0) }
    }

    func number(_ name: String, in range: ClosedRange<Double>) -> Double? {
        read(name, as: "a number from \(range.lowerBound.short) to \(range.upperBound.short)") { text in
            Double(text).flatMap { range.contains($0) ? $0 : nil }
        }
    }

    func count(_ name: String, in range: ClosedRange<Int>) -> Int? {
        read(name, as: "a whole number from \(range.lowerBound) to \(range.upperBound)") { text in
            Int(text).flatMap { range.contains($0) ? $0 : nil }
        }
    }

    func flag(_ name: String) -> Bool? {
        read(name, as: "true or false") { Bool($0) }
    }

    func choice<T: RawRepresentable<String> & CaseIterable>(_ name: String, _: T.Type = T.self) -> T? {
        read(name, as: "one of \(T.allCases.map(\.rawValue).joined(separator: ", "))") { T(rawValue: $0) }
    }

    // MARK: Parts

    func part(_ name: String) -> Fields? {
        ask(name).map { Fields($0, at: full(name), problems) }
    }

    func list<T>(_ name: String, _ read: (Fields) -> T?) -> [T]? {
        guard let node = ask(name) else { return nil }
        guard let items = node.sequence else {
            complain("must be a list, each item beginning with a dash", about: name)
            return nil
        }
        return items.enumerated().compactMap { number, item in
            let fields = Fields(item, at: "\(full(name))[\(number + 1)]", problems)
            defer { fields.finish() }
            return read(fields)
        }
    }

    /// The names of all fields, for a mapping whose names are data.
    func names() -> [String] { values.keys.sorted() }

    private func ask(_ name: String) -> Node? {
        if !asked.contains(name) { asked.append(name) }
        return values[name]
    }

    private func full(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }
}

extension Double {
    /// A measured span in seconds, as precise as people want it: `37ms`, `4.5s`.
    var spanText: String { self < 1 ? "\(Int((self * 1000).rounded()))ms" : "\((self * 10).rounded() / 10)s" }

    /// Without a fraction where there is none; three digits of it at the most.
    var short: String {
        let rounded = (self * 1000).rounded() / 1000
        return rounded == rounded.rounded() && abs(rounded) < 1e15 ? "\(Int(rounded))" : "\(rounded)"
    }
}
