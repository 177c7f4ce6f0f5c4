import Foundation

/// Where a cluster's files are: one private folder, owned by the account that runs the server.
///
/// `data` is complete once it exists: a new cluster is made in `unfinished` and renamed.
struct ClusterPlace: Sendable {
    static let port = 5432
    static let user = "shoeshop"

    let home: String
    let account: ServerAccount?

    var data: String { home + "/data" }
    var unfinished: String { home + "/data.unfinished" }
    var log: String { home + "/server.log" }
    var lock: String { home + "/lock" }

    /// Within the home when its path is short, else in the system's folder for temporary files: the address of a Unix
    /// socket has 107 bytes (103 on macOS), and libpq and the server read a comma as the end of a path.
    var socketDirectory: String {
        let near = home + "/socket"
        let longest = 103 - "/.s.PGSQL.\(Self.port)".utf8.count
        return near.utf8.count <= longest && !near.contains(",") ? near : "/tmp/shoeshop-\(Self.hash(home))"
    }

    /// The version that made the cluster, such as "15"; nil as long as there is none.
    var dataVersion: String? {
        guard let text = try? String(contentsOfFile: data + "/PG_VERSION", encoding: .utf8) else { return nil }
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    func conninfo(database: String) -> String {
        func quoted(_ value: String) -> String {
            "'" + value.replacing("\\", with: "\\\\").replacing("'", with: "\\'") + "'"
        }
        return "host=\(quoted(socketDirectory)) port=\(Self.port) dbname=\(quoted(database)) user=\(quoted(Self.user))"
    }

    /// Finds the place of a cluster that was made earlier.
    static func existing(for directory: String) throws -> ClusterPlace? {
        guard FileManager.default.fileExists(atPath: directory) else { return nil }
        let home = URL(filePath: directory).resolvingSymlinksInPath().path
        return ClusterPlace(home: home, account: try ServerAccount.needed(for: home))
    }

    /// Finds or makes the folders, private to the account that will run the server.
    static func claimed(for directory: String) async throws -> ClusterPlace {
        let place = if let old = try existing(for: directory) { old } else { try await fresh(for: directory) }
        for folder in [place.home, place.socketDirectory] {
            try makePrivate(folder, for: place.account)
        }
        return place
    }

    private static func fresh(for directory: String) async throws -> ClusterPlace {
        let parent = URL(filePath: directory).deletingLastPathComponent().path
        try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
        let account = try ServerAccount.needed(for: directory)
        guard let account, try await !account.canEnter(parent) else {
            return ClusterPlace(home: URL(filePath: directory).resolvingSymlinksInPath().path, account: account)
        }
        let elsewhere = "/var/tmp/shoeshop-\(hash(directory))"
        try makePrivate(elsewhere, for: account)
        if FolderOwner(of: directory) == nil {
            try FileManager.default.createSymbolicLink(atPath: directory, withDestinationPath: elsewhere)
        }
        return ClusterPlace(home: elsewhere, account: account)
    }

    /// Makes a folder with mode 0700, or checks that the one that is there is the account's own:
    /// in `/tmp` somebody else may have been first.
    private static func makePrivate(_ folder: String, for account: ServerAccount?) throws {
        mkdir(folder, 0o700)
        if let account, FolderOwner(of: folder)?.userID == 0 {
            chown(folder, account.userID, account.groupID)
        }
        let expected = account?.userID ?? geteuid()
        guard let owner = FolderOwner(of: folder), owner.isFolder, owner.userID == expected else {
            throw LocalPostgresError(
                .folderNotOurs,
                "\(folder) should be a folder of user \(expected), but cannot be made or belongs to another user. "
                    + "Start this as its owner or as root, or remove it.")
        }
    }

    /// FNV-1a: a short name that is the same in every process.
    private static func hash(_ path: String) -> String {
        let value = path.utf8.reduce(UInt64(0xcbf2_9ce4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        return String(value, radix: 36)
    }
}
