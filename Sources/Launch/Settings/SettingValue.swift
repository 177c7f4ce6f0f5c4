import Durations
import Foundation
public import Logging

/// A type that a setting can have: made from what the user wrote, and written back for `--help`.
public protocol SettingValue: Sendable {
    /// What a value looks like, for error messages: "a whole number".
    static var expectation: String { get }
    /// What the flag means when it stands alone, or nil (the default) when it needs a value.
    static var bareFlagText: String? { get }
    init?(settingText text: String)
    var settingText: String { get }
}

extension SettingValue {
    public static var bareFlagText: String? { nil }
}

/// A choice of a few words.
extension SettingValue where Self: CaseIterable & RawRepresentable, Self.RawValue == String {
    public static var expectation: String { allCases.map(\.rawValue).joined(separator: " or ") }
    public init?(settingText text: String) { self.init(rawValue: text.lowercased()) }
    public var settingText: String { rawValue }
}

extension String: SettingValue {
    public static var expectation: String { "a text" }
    public init?(settingText text: String) { self = text }
    public var settingText: String { self }
}

extension Int: SettingValue {
    public static var expectation: String { "a whole number" }
    public init?(settingText text: String) { self.init(text) }
    public var settingText: String { "\(self)" }
}

extension Double: SettingValue {
    public static var expectation: String { "a number" }
    public init?(settingText text: String) { self.init(text) }
    public var settingText: String { "\(self)" }
}

extension Bool: SettingValue {
    public static var expectation: String { "true or false" }
    public static var bareFlagText: String? { "true" }
    public init?(settingText text: String) { self.init(text.lowercased()) }
    public var settingText: String { "\(self)" }
}

/// An absent value reads as nil, so that a setting needs no default.
extension Optional: SettingValue where Wrapped: SettingValue {
    public static var expectation: String { Wrapped.expectation }
    public static var bareFlagText: String? { Wrapped.bareFlagText }
    public init?(settingText text: String) {
        guard let wrapped = Wrapped(settingText: text) else { return nil }
        self = .some(wrapped)
    }
    public var settingText: String { self?.settingText ?? "" }
}

/// Up to a year, 366 days.
extension Duration: SettingValue {
    public static var expectation: String { textForm }
    public init?(settingText text: String) { self.init(text: text) }
    public var settingText: String { text }
}

extension Logger.Level: SettingValue {
    public static var expectation: String { "one of " + allCases.map(\.rawValue).joined(separator: ", ") }
    public init?(settingText text: String) { self.init(rawValue: text.lowercased()) }
    public var settingText: String { rawValue }
}

/// A TCP port to listen on; 0 lets the system choose a free one.
public struct PortNumber: SettingValue, Hashable, ExpressibleByIntegerLiteral {
    public static let expectation = "a port from 0 (any free one) to 65535"

    public let number: UInt16

    public init(integerLiteral number: UInt16) { self.number = number }

    public init?(settingText text: String) {
        guard let number = UInt16(text) else { return nil }
        self.number = number
    }

    public var settingText: String { "\(number)" }
}
