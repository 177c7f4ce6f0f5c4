import Foundation
import StrictJSON

/// Reads an object of a body, and collects what is wrong with it. A member that is null is as one that is not there.
struct Fields {
    private(set) var wrong: [WrongPart] = []
    private let members: [String: JSONNode]
    private let pointer: String
    /// What is no object has no members that could be missing.
    private let isObject: Bool
    private var asked: Set<String> = []

    /// - Parameter pointer: where in the body the object stands.
    init(_ node: JSONNode?, at pointer: String = "") {
        self.pointer = pointer
        let members = node?.members
        isObject = node == nil || members != nil
        self.members = Dictionary((members ?? []).map { ($0.name, $0.value) }) { first, _ in first }
        if !isObject {
            wrong.append(WrongPart(place: .body(pointer), detail: "has to be an object"))
        }
    }

    /// Whether it stands there, be it as null.
    func has(_ name: String) -> Bool { members[name] != nil }

    mutating func node(_ name: String) -> JSONNode? {
        asked.insert(name)
        return members[name].flatMap { $0.isNull ? nil : $0 }
    }

    /// Also null.
    mutating func anything(_ name: String) -> JSONNode? {
        asked.insert(name)
        return members[name]
    }

    /// Without a NUL, which the database has no texts with.
    ///
    /// - Parameter limit: in bytes of UTF-8.
    mutating func text(_ name: String, upTo limit: Int) -> String? {
        guard let node = node(name) else { return nil }
        if let text = node.string, text.isPlain(upTo: limit) { return text }
        refuse(name, "has to be a text of \(limit) bytes at the most, without NUL")
        return nil
    }

    mutating func integer(_ name: String, in range: ClosedRange<Int>) -> Int? {
        guard let node = node(name) else { return nil }
        if let number = node.integer, range.contains(number) { return number }
        refuse(name, "has to be a whole number from \(range.lowerBound) to \(range.upperBound)")
        return nil
    }

    mutating func number(_ name: String, in range: ClosedRange<Double>, _ what: String = "a number") -> Double? {
        guard let node = node(name) else { return nil }
        if let number = node.number, range.contains(number) { return number }
        refuse(
            name, "has to be \(what) from \(JSONNumber.text(range.lowerBound)) to \(JSONNumber.text(range.upperBound))")
        return nil
    }

    mutating func seconds(_ name: String, in range: ClosedRange<Double>) -> Duration? {
        number(name, in: range, "a number of seconds").map { .seconds($0) }
    }

    mutating func word<Word: RawRepresentable<String>>(_ name: String, of words: [Word]) -> Word? {
        guard let node = node(name) else { return nil }
        if let text = node.string, let word = words.first(where: { $0.rawValue == text }) { return word }
        refuse(name, "has to be one of " + words.map(\.rawValue).joined(separator: ", "))
        return nil
    }

    mutating func texts(_ name: String, atMost count: Int, upTo limit: Int) -> [String]? {
        guard let node = node(name) else { return nil }
        let elements = node.elements(atMost: count + 1)
        let texts = elements?.compactMap(\.string).filter { $0.isPlain(upTo: limit) }
        if let texts, texts.count <= count, texts.count == elements?.count { return texts }
        refuse(name, "has to be a list of \(count) texts at the most, each of \(limit) bytes at the most, without NUL")
        return nil
    }

    /// An object all of whose members are texts.
    mutating func map(_ name: String, isName: (String) -> Bool) -> [String: String] {
        guard let node = node(name) else { return [:] }
        guard let members = node.members else {
            refuse(name, "has to be an object")
            return [:]
        }
        var map: [String: String] = [:]
        for (key, value) in members {
            if let text = value.string, text.isPlain(upTo: .max), isName(key) {
                map[key] = text
            } else {
                refuse("\(name)/\(key.escapedForPointer)", "has to be a text, under a name that is free")
            }
        }
        return map
    }

    /// An object in this one; nil when it is not there.
    mutating func object(_ name: String) -> Fields? {
        node(name).map { Fields($0, at: "\(pointer)/\(name)") }
    }

    /// Whether it is told already what is wrong with it.
    func isWrong(_ name: String) -> Bool { wrong.contains { $0.place == .body("\(pointer)/\(name)") } }

    mutating func refuse(_ name: String, _ detail: String) {
        guard isObject else { return }
        wrong.append(WrongPart(place: .body(name.isEmpty ? pointer : "\(pointer)/\(name)"), detail: detail))
    }

    /// Takes over what is wrong with an object in this one.
    mutating func absorb(_ other: Fields) {
        var other = other
        other.close()
        wrong += other.wrong
    }

    /// A member that nobody has asked for is a mistake, which shall not pass in silence.
    private mutating func close() {
        for name in members.keys.filter({ !asked.contains($0) }).sorted() {
            refuse(name.escapedForPointer, "is no field here")
        }
    }

    /// - Throws: ``Problem`` that names everything that is wrong.
    mutating func end() throws {
        close()
        if !wrong.isEmpty { throw Problem(.invalidFields, "Fields are missing or wrong.", parts: wrong) }
    }
}

extension String {
    fileprivate func isPlain(upTo limit: Int) -> Bool { utf8.count <= limit && !utf8.contains(0) }

    /// RFC 6901, section 3.
    fileprivate var escapedForPointer: String { replacing("~", with: "~0").replacing("/", with: "~1") }
}
