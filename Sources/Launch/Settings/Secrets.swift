import Foundation

extension Settings {
    /// A secret that is given by itself, or in a file, which fewer can read than the environment of a process; without the blanks and
    /// line breaks around it.
    ///
    /// - Throws: what keeps the file from being read.
    public func secret(_ setting: Setting<String?>, orIn file: Setting<String?>) throws -> String? {
        if let secret = self[setting] { return secret }
        guard let path = self[file] else { return nil }
        return try String(contentsOfFile: path, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
