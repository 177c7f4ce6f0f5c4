import Foundation
import Subprocess

#if canImport(System)
    import System
#else
    import SystemPackage
#endif

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
        try await run(
            .path("/bin/sh"), arguments: ["-c", #"cd "$1""#, "sh", folder], platformOptions: options,
            output: .discarded, error: .discarded
        ).terminationStatus.isSuccess
    }

    var options: PlatformOptions {
        var options = PlatformOptions()
        options.userID = userID
        options.groupID = groupID
        options.supplementaryGroups = []
        return options
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
