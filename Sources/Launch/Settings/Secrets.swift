import Foundation

extension Settings {
    /// A secret that is given by itself, or in a file, which fewer can read than the environment of a process; without the blanks and
    /// line breaks around it.
    ///
    /// - Parameter shortest: how many bytes it has to have, so that nobody guesses it.
    /// - Throws: `SettingsError`, which names the setting and not the secret, when it is too short, or its file can't be read.
    public func secret(
        _ setting: Setting<String?>, orIn file: Setting<String?>, shortest: Int
    ) throws -> String? {
        if let secret = self[setting] { return try Self.check(secret, of: setting, shortest) }
        guard let path = self[file] else { return nil }
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw file.refused("its file can't be read")
        }
        return try Self.check(text.trimmingCharacters(in: .whitespacesAndNewlines), of: file, shortest)
    }

    private static func check(_ secret: String, of setting: Setting<String?>, _ shortest: Int) throws -> String {
        guard secret.utf8.count >= shortest else {
            throw setting.refused("it has \(shortest) characters or more; openssl rand -hex \(shortest) makes one")
        }
        return secret
    }
}
