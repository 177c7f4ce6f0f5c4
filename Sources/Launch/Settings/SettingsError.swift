import Postgres

/// Why a process would not start with these settings, and how to mend it.
public struct SettingsError: Error, Equatable, CustomStringConvertible {
    public enum Problem: Sendable, Equatable {
        case unknownFlag(String, nearest: String?)
        case unexpectedArgument(String)
        case missingValue(String, expected: String)
        /// `source` is the flag or the environment variable that holds the text.
        case badValue(source: String, text: String, expected: String)
        /// As `badValue`, for a value that may hold a password: its text is not shown.
        case badSecret(source: String, reason: String)
    }

    /// Every problem of the command line and the environment, not only the first.
    public let problems: [Problem]

    public var description: String { problems.map(\.description).joined(separator: "\n") }
}

extension SettingDeclaration {
    /// What a program throws whose setting can't be used for a reason that only the program knows: it ends with status 64.
    ///
    /// - Parameter reason: tells nothing of the value, which may be a secret.
    public func refused(_ reason: String) -> SettingsError {
        SettingsError(problems: [.badSecret(source: variable, reason: reason)])
    }
}

extension SettingsError.Problem: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unknownFlag(let flag, let nearest):
            "unknown flag \(flag)" + (nearest.map { "; did you mean \($0)?" } ?? "")
        case .unexpectedArgument(let argument):
            "unexpected argument '\(Conninfo.shown(argument))'; settings are given as --name value"
        case .missingValue(let flag, let expected):
            "\(flag) needs a value: \(expected)"
        case .badValue(let source, let text, let expected):
            "\(source) is '\(text)', but must be \(expected)"
        case .badSecret(let source, let reason): "\(source): \(reason)"
        }
    }
}
