/// Reads a document field by field and goes on after each that is wrong, so that all of them can be reported at once.
struct FormReader {
    private(set) var errors: [FieldError] = []

    mutating func document(_ decoder: any Decoder) -> FormObject? {
        guard let container = try? decoder.container(keyedBy: FieldName.self) else {
            errors.append(FieldError(pointer: "", detail: "must be a JSON object"))
            return nil
        }
        return FormObject(container: container, pointer: "")
    }

    mutating func object(_ name: String, in parent: FormObject?) -> FormObject? {
        guard let parent, present(name, in: parent) else { return nil }
        guard let container = try? parent.container.nestedContainer(keyedBy: FieldName.self, forKey: FieldName(name))
        else {
            report(name, in: parent, "must be an object")
            return nil
        }
        return FormObject(container: container, pointer: "\(parent.pointer)/\(name)")
    }

    /// The elements of an array; nil stands for one that is no object.
    mutating func objects(_ name: String, in parent: FormObject?, count: ClosedRange<Int>) -> [FormObject?] {
        guard let parent, present(name, in: parent) else { return [] }
        guard var elements = try? parent.container.nestedUnkeyedContainer(forKey: FieldName(name)),
            count.contains(elements.count ?? 0)
        else {
            report(name, in: parent, "must be an array of \(count.lowerBound) to \(count.upperBound) objects")
            return []
        }
        return (0..<(elements.count ?? 0)).map { index in
            let pointer = "\(parent.pointer)/\(name)/\(index)"
            if let container = try? elements.nestedContainer(keyedBy: FieldName.self) {
                return FormObject(container: container, pointer: pointer)
            }
            // A failed attempt leaves the cursor where it was.
            _ = try? elements.decode(Anything.self)
            errors.append(FieldError(pointer: pointer, detail: "must be an object"))
            return nil
        }
    }

    /// A text without control characters (the database takes no NUL), invisible marks, and white space around it.
    mutating func text(
        _ name: String, in parent: FormObject?, _ length: ClosedRange<Int> = OrderLimits.text, _ rule: TextRule? = nil
    ) -> String {
        guard let parent, present(name, in: parent) else { return "" }
        guard let text = try? parent.container.decode(String.self, forKey: FieldName(name)) else {
            report(name, in: parent, "must be a text")
            return ""
        }
        if !length.contains(text.unicodeScalars.count) {
            let size = length.count == 1 ? "\(length.lowerBound)" : "\(length.lowerBound) to \(length.upperBound)"
            report(name, in: parent, rule?.detail ?? "must have \(size) characters")
        } else if text.unicodeScalars.contains(where: \.isUnfitForNames) {
            report(name, in: parent, "must not contain control characters or invisible marks")
        } else if text.first?.isWhitespace == true || text.last?.isWhitespace == true {
            report(name, in: parent, "must not begin or end with a space")
        } else if let rule, !rule.allows(text) {
            report(name, in: parent, rule.detail)
        }
        return text
    }

    mutating func number(_ name: String, in parent: FormObject?, _ range: ClosedRange<Int>) -> Int {
        guard let parent, present(name, in: parent) else { return range.lowerBound }
        let number = try? parent.container.decode(Int.self, forKey: FieldName(name))
        if let number, range.contains(number) { return number }
        report(name, in: parent, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        return range.lowerBound
    }

    mutating func report(_ name: String, in parent: FormObject?, _ detail: String) {
        errors.append(FieldError(pointer: "\(parent?.pointer ?? "")/\(name)", detail: detail))
    }

    private mutating func present(_ name: String, in parent: FormObject) -> Bool {
        let isPresent = parent.container.contains(FieldName(name))
        if !isPresent { report(name, in: parent, "is missing") }
        return isPresent
    }
}

/// An object of the document and where it stands.
struct FormObject {
    let container: KeyedDecodingContainer<FieldName>
    let pointer: String
}

struct FieldName: CodingKey {
    let stringValue: String
    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.init(stringValue) }
    var intValue: Int? { nil }
    init?(intValue: Int) { nil }
}

/// What a text has to be beyond its length.
struct TextRule: Sendable {
    let detail: String
    let allows: @Sendable (String) -> Bool

    init(_ detail: String, _ allows: @escaping @Sendable (String) -> Bool) {
        self.detail = detail
        self.allows = allows
    }
}

extension Unicode.Scalar {
    /// Control characters, C0 and C1; line and paragraph separators; what is for private use; and marks that nobody sees,
    /// such as those that turn the direction of what follows, by which a label says something else than it stores.
    ///
    /// Joiners stay: names of several scripts need them.
    fileprivate var isUnfitForNames: Bool {
        switch properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse: true
        case .format: properties.isDefaultIgnorableCodePoint && !(0x200C...0x200D).contains(value)
        default: false
        }
    }
}

/// Takes any value, to step over it.
private struct Anything: Decodable {
    init(from decoder: any Decoder) throws {}
}
