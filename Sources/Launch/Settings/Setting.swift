/// One setting of an executable: a flag `--data-directory` and an environment variable `DATA_DIRECTORY` alike.
///
/// ```swift
/// static let lease = Setting(
///     "lease", default: Duration.seconds(30), in: .seconds(1)...(.seconds(3600)), "How long a worker may keep a message.")
/// ```
public struct Setting<Value: SettingValue>: SettingDeclaration {
    /// Words in lower case joined with `-`, as in the flag.
    public let name: String
    public let standard: Value
    public let meaning: String
    private let range: Range?

    private struct Range: Sendable {
        let text: String
        let contains: @Sendable (Value) -> Bool
    }

    /// - Parameters:
    ///   - name: Words in lower case joined with `-`.
    ///   - standard: The value when neither the flag nor the variable is given.
    ///   - meaning: One sentence for `--help`.
    public init(_ name: String, default standard: Value, _ meaning: String) {
        self.name = name
        self.standard = standard
        self.meaning = meaning
        self.range = nil
    }

    /// A setting whose values must lie in a range, which `--help` and the message for another value tell.
    public init(
        _ name: String, default standard: Value, in range: ClosedRange<Value>, _ meaning: String
    ) where Value: Comparable {
        self.name = name
        self.standard = standard
        self.meaning = meaning
        let text = "from \(range.lowerBound.settingText) to \(range.upperBound.settingText)"
        self.range = Range(text: text) { range.contains($0) }
    }

    public var standardText: String { standard.settingText }
    public var rangeText: String? { range?.text }
    public var expectation: String { [Value.expectation, rangeText].compactMap(\.self).joined(separator: ", ") }
    public var bareFlagText: String? { Value.bareFlagText }

    public func value(of text: String) -> (any Sendable)? {
        guard let value = Value(settingText: text), range?.contains(value) ?? true else { return nil }
        return value
    }
}

/// A row in the table of settings, whatever the type of its value.
public protocol SettingDeclaration: Sendable {
    var name: String { get }
    var meaning: String { get }
    /// The default as the user would write it; empty when there is none.
    var standardText: String { get }
    /// Where a value must lie: "from 1 to 1000"; nil when any will do.
    var rangeText: String? { get }
    /// What a value looks like, for error messages: "a whole number, from 1 to 1000".
    var expectation: String { get }
    /// What the flag means when it stands alone, or nil when it needs a value.
    var bareFlagText: String? { get }
    /// The value that `text` denotes, or nil when it denotes none.
    func value(of text: String) -> (any Sendable)?
}

extension SettingDeclaration {
    var flag: String { "--\(name)" }
    var variable: String { name.uppercased().split(separator: "-").joined(separator: "_") }
}
