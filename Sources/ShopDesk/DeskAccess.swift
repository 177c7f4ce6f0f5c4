import Foundation
import Launch
import QueueDesk

extension Settings {
    static let operatorToken = Setting<String?>(
        "operator-token", default: nil,
        "Lets browsers read and change, as the password of their login; OWNER=TOKEN is somebody's own, one a line are "
            + "many, and sha256:HEX stands for a token. This or a viewer's is needed to listen beyond this machine.")
    static let operatorTokenFile = Setting<String?>("operator-token-file", default: nil, "A file with that, instead.")
    static let viewerToken = Setting<String?>(
        "viewer-token", default: nil,
        "Lets browsers read, as the password of their login; alone, it lets nobody change anything.")
    static let viewerTokenFile = Setting<String?>("viewer-token-file", default: nil, "A file with that, instead.")

    static let hosts = Setting<String?>(
        "hosts", default: nil,
        "The names under which browsers reach it, without ports, separated by commas. Unless given, those of this "
            + "machine on a loopback address, and any name elsewhere.")

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
            operatorToken, operatorTokenFile, viewerToken, viewerTokenFile, hosts, tlsCertificate, tlsKey, shopFolder,
            statementTime, unattendedAfter, behindAfter,
        ]
}

/// Who may use the desk: everybody on this machine where there is no token, else whoever has one.
struct DeskAccess {
    let access: Access
    /// Under which names; nil for any.
    let hosts: Set<String>?

    private static let loopback: Set<String> = ["127.0.0.1", "localhost", "::1"]

    /// - Throws: `SettingsError` for an address or a name by which others can reach it, without a token that keeps them
    ///   out, and for a token that could be guessed.
    init(_ settings: Settings) throws {
        hosts = try Self.hosts(settings)
        let operators = try Self.tokens(settings, Settings.operatorToken, orIn: Settings.operatorTokenFile)
        let viewers = try Self.tokens(settings, Settings.viewerToken, orIn: Settings.viewerTokenFile)
        if operators.isEmpty, viewers.isEmpty {
            guard Self.loopback.contains(settings[Settings.host]) else {
                throw Settings.operatorToken.refused("without a token the desk listens on a loopback address only")
            }
            guard hosts?.isSubset(of: Access.localNames) ?? false else {
                throw Settings.hosts.refused("without a token the desk has the names of this machine only")
            }
            access = .loopback(as: NSUserName())
        } else {
            access = .tokens(viewers: viewers, operators: operators)
        }
    }

    /// Unless given, those of this machine on a loopback address: by another one a browser comes only where a site lets
    /// its own name point here.
    private static func hosts(_ settings: Settings) throws -> Set<String>? {
        guard let text = settings[Settings.hosts] else {
            return loopback.contains(settings[Settings.host]) ? Access.localNames : nil
        }
        let names = text.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces).lowercased() }
        let areNames = names.allSatisfy { $0.wholeMatch(of: /[a-z0-9._-]+|\[[0-9a-f:.]+\]/) != nil }
        guard !names.isEmpty, areNames else {
            throw Settings.hosts.refused("it has names or addresses, such as desk.example, without ports")
        }
        return Set(names)
    }

    /// One a line.
    private static func tokens(
        _ settings: Settings, _ setting: Setting<String?>, orIn file: Setting<String?>
    ) throws -> [AccessToken] {
        let text = try settings.secret(setting, orIn: file, shortest: AccessToken.shortest)
        return try (text ?? "").split(whereSeparator: \.isNewline).map { line in
            guard let token = AccessToken(line.trimmingCharacters(in: .whitespaces)) else {
                throw (settings[setting] == nil ? file : setting).refused(
                    "each line is a token of \(AccessToken.shortest) characters or more, or OWNER=TOKEN; "
                        + "sha256: and 64 hexadecimal digits may stand for a token")
            }
            return token
        }
    }
}
