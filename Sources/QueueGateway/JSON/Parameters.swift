import Foundation
import StrictJSON

/// Reads the parameters of a request, and collects what is wrong with them.
struct Parameters {
    private let query: Query
    private var wrong: [WrongPart] = []
    private var known: Set<String> = []

    init(_ query: Query) { self.query = query }

    mutating func text(_ name: String) -> String? {
        known.insert(name.lowercased())
        guard let text = query[name] else { return nil }
        if text.utf8.contains(0) { refuse(name, "has a character in it that no text may have") }
        return text
    }

    mutating func integer(_ name: String, in range: ClosedRange<Int>) -> Int? {
        guard let text = text(name) else { return nil }
        if let number = Self.node(text)?.integer, range.contains(number) { return number }
        refuse(name, "has to be a whole number from \(range.lowerBound) to \(range.upperBound)")
        return nil
    }

    /// A time in seconds, with a fraction or without.
    mutating func seconds(_ name: String, in range: ClosedRange<Double>) -> Duration? {
        guard let text = text(name) else { return nil }
        if let number = Self.node(text)?.number, range.contains(number) { return .seconds(number) }
        refuse(
            name,
            "has to be a number of seconds from \(JSONNumber.text(range.lowerBound)) to \(JSONNumber.text(range.upperBound))"
        )
        return nil
    }

    mutating func date(_ name: String) -> Date? {
        guard let text = text(name) else { return nil }
        if let date = WireDate.parse(text) { return date }
        refuse(name, "has to be a time such as 2026-11-30T08:00:00Z")
        return nil
    }

    mutating func flag(_ name: String) -> Bool {
        guard let text = text(name) else { return false }
        if !["true", "false"].contains(text) { refuse(name, "has to be true or false") }
        return text == "true"
    }

    /// One of some words.
    mutating func word<Word: RawRepresentable<String>>(_ name: String, of words: [Word]) -> Word? {
        guard let text = text(name) else { return nil }
        if let word = words.first(where: { $0.rawValue == text }) { return word }
        refuse(name, "has to be one of " + words.map(\.rawValue).joined(separator: ", "))
        return nil
    }

    /// Numbers are written here as everywhere else.
    private static func node(_ text: String) -> JSONNode? { try? StrictJSON.read(Array(text.utf8)) }

    mutating func refuse(_ name: String, _ detail: String) {
        wrong.append(WrongPart(place: .parameter(name), detail: detail))
    }

    /// A parameter that nobody has asked for is a mistake, which shall not pass in silence.
    ///
    /// - Throws: ``Problem`` that names everything that is wrong.
    mutating func end() throws {
        for name in query.names.subtracting(known).sorted() { refuse(name, "is no parameter of this call") }
        if !wrong.isEmpty { throw Problem(.invalidRequest, "Parameters are wrong.", parts: wrong) }
    }
}

enum JSONNumber {
    /// Without a fraction where there is none.
    static func text(_ number: Double) -> String { Int(exactly: number).map { "\($0)" } ?? "\(number)" }
}
