import Foundation
import Launch
import QueueDesk

extension Settings {
    static let operatorToken = Setting<String?>(
        "operator-token", default: nil,
        "Lets browsers read and change, as the password of their login; OWNER=TOKEN is somebody's own, and one a line are many. Needed to "
            + "listen beyond this machine.")
    static let operatorTokenFile = Setting<String?>("operator-token-file", default: nil, "A file with that, instead.")
    static let viewerToken = Setting<String?>(
        "viewer-token", default: nil, "Lets browsers read, as the password of their login.")
    static let viewerTokenFile = Setting<String?>("viewer-token-file", default: nil, "A file with that, instead.")

    static let shopFolder = Setting<String?>(
        "shop-folder", default: nil,
        "Where the processes of this machine say where they listen, in run, and keep their logs, in logs: for the page of services."
    )

    static let statementTime = Setting(
        "statement-time", default: Duration.seconds(10), in: .milliseconds(10)...(.seconds(3600)),
        "How long a statement may take before the database breaks it off: the queues' own work comes first.")

    static let unattendedAfter = Setting(
        "unattended-after", default: Duration.seconds(30), in: .seconds(1)...(.seconds(7 * 86_400)),
        "What waits longer with nothing of its queue in flight is told as received by nobody.")
    static let behindAfter = Setting(
        "behind-after", default: Duration.seconds(300), in: .seconds(1)...(.seconds(7 * 86_400)),
        "What waits longer is told as behind, where somebody receives or the queue is paused.")

    static let desk: [any SettingDeclaration] =
        Settings.shop + [
            operatorToken, operatorTokenFile, viewerToken, viewerTokenFile, tlsCertificate, tlsKey, shopFolder,
            statementTime, unattendedAfter, behindAfter,
        ]
}

/// Who may use the desk: everybody on this machine, or whoever has a token.
struct DeskAccess {
    let access: Access

    private static let loopback: Set<String> = ["127.0.0.1", "localhost", "::1"]

    /// - Throws: `SettingsError` for an address that others can reach, without a token that keeps them out, and for a token that
    ///   could be guessed.
    init(_ settings: Settings) throws {
        let operators = try Self.tokens(settings, Settings.operatorToken, orIn: Settings.operatorTokenFile)
        let viewers = try Self.tokens(settings, Settings.viewerToken, orIn: Settings.viewerTokenFile)
        if operators.isEmpty {
            guard Self.loopback.contains(settings[Settings.host]) else {
                throw Settings.operatorToken.refused("without a token the desk listens on a loopback address only")
            }
            access = .loopback(as: NSUserName())
        } else {
            access = .tokens(viewers: viewers, operators: operators)
        }
    }

    /// One a line.
    private static func tokens(
        _ settings: Settings, _ setting: Setting<String?>, orIn file: Setting<String?>
    ) throws -> [AccessToken] {
        let text = try settings.secret(setting, orIn: file, shortest: AccessToken.shortest)
        return try (text ?? "").split(whereSeparator: \.isNewline).map { line in
            guard let token = AccessToken(line.trimmingCharacters(in: .whitespaces)) else {
                throw (settings[setting] == nil ? file : setting).refused(
                    "each line is a token of \(AccessToken.shortest) characters or more, or OWNER=TOKEN")
            }
            return token
        }
    }
}
