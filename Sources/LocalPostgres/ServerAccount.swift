import Foundation

/// The account that the server runs as when we are root, which PostgreSQL refuses.
struct ServerAccount: Sendable, Equatable {
    let userID: UInt32
    let groupID: UInt32

    /// Nil unless we are root: an ordinary user runs the server as itself.
    ///
    /// A folder that already has an owner other than root keeps it, so that root can start a user's cluster too.
    static func needed(for folder: String) throws -> ServerAccount? {
        guard geteuid() == 0 else { return nil }
        if let owner = FolderOwner(of: folder), owner.userID != 0 {
            return ServerAccount(userID: owner.userID, groupID: owner.groupID)
        }
        for name in ["postgres", "nobody"] {
            if let entry = getpwnam(name)?.pointee {
                return ServerAccount(userID: entry.pw_uid, groupID: entry.pw_gid)
            }
        }
        throw LocalPostgresError(
            .noAccount,
            "PostgreSQL refuses to run as root, and there is no account named postgres or nobody to run it. "
                + "Create one (useradd --system postgres), or start this as another user.")
    }

    /// Whether this account can enter the folder; the kernel knows best, access lists included.
    func canEnter(_ folder: String) async throws -> Bool {
        try await execute(["/bin/sh", "-c", #"cd "$1""#, "sh", folder], as: self, in: "/").isSuccess
    }

    /// The command to run instead of `command`, so that it runs as this account.
    ///
    /// Not with the `userID` of `PlatformOptions`: between fork and exec the C library's `setuid` waits for threads
    /// that the child does not have.
    func wrapping(_ command: [String]) -> [String] {
        ["setpriv", "--reuid=\(userID)", "--regid=\(groupID)", "--clear-groups", "--"] + command
    }
}

/// Whose a folder is; nil when it does not exist. Symbolic links are not followed.
struct FolderOwner {
    let userID: UInt32
    let groupID: UInt32
    let isFolder: Bool

    init?(of path: String) {
        var entry = stat()
        guard lstat(path, &entry) == 0 else { return nil }
        userID = entry.st_uid
        groupID = entry.st_gid
        isFolder = entry.st_mode & S_IFMT == S_IFDIR
    }
}
