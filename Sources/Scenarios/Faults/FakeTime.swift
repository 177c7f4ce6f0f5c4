import Foundation

/// A wrong wall clock for one process, by a library of this package that stands between the process and the C library.
///
/// Only the wall clock is wrong. Clocks that measure spans go as they should, and so do timers and deadlines: a machine whose
/// clock is set differently has no others.
enum FakeTime {
    /// Whether the library is there; it is built along with the executables, for Linux.
    static var isInstalled: Bool { library != nil }

    /// What to add to the environment of a process, so that its clock is wrong by `offset` from its start on.
    ///
    /// - Throws: ``ScenarioError`` of reason `notPossibleHere`.
    static func environment(offset: Duration) throws -> [String: String] {
        guard let library else {
            throw ScenarioError(
                .notPossibleHere,
                "A wrong clock needs Linux, and libFakeTime.so beside this program: swift build makes it.")
        }
        return ["LD_PRELOAD": library, "FAKE_TIME_OFFSET": "\(offset.components.seconds)"]
    }

    private static var library: String? {
        let own = Bundle.main.executableURL ?? URL(filePath: CommandLine.arguments[0])
        let path = own.resolvingSymlinksInPath().deletingLastPathComponent().path + "/libFakeTime.so"
        return FileManager.default.fileExists(atPath: path) ? path : nil
    }
}
