import Foundation

/// A wrong wall clock for one process, by libfaketime: a library that stands between a process and the C library.
///
/// Only the wall clock is wrong. Clocks that measure spans go as they should, or sleeps and deadlines would suffer from
/// something that no machine does.
enum FakeTime {
    static var isInstalled: Bool { library != nil }

    /// What to add to the environment of a process, so that its clock is wrong by `offset` from its start on.
    ///
    /// - Throws: ``ScenarioError`` of reason `notPossibleHere`, with how to install the library.
    static func environment(offset: Duration) throws -> [String: String] {
        guard let library else {
            throw ScenarioError(
                .notPossibleHere,
                "A wrong clock needs libfaketime on Linux. Install it (Debian, Ubuntu: apt-get install faketime; "
                    + "Fedora: dnf install libfaketime).")
        }
        let seconds = offset / .seconds(1)
        return [
            "LD_PRELOAD": library,
            "FAKETIME": seconds < 0 ? "\(seconds)" : "+\(seconds)",
            // Releases before 0.9.8 know the second name only.
            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1",
        ]
    }

    /// The variant for programs with threads. In `/usr/lib/x86_64-linux-gnu/faketime` (Debian), `/usr/lib64/faketime`
    /// (Fedora), `/usr/lib/faketime` (Arch, Alpine), `/usr/local/lib/faketime` (from source).
    private static var library: String? {
        #if os(Linux)
            let roots = ["/usr/lib64", "/usr/lib", "/usr/local/lib"]
            let architectures = (try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib")) ?? []
            return (roots + architectures.filter { $0.contains("-linux-") }.map { "/usr/lib/" + $0 })
                .flatMap { ["\($0)/faketime/libfaketimeMT.so.1", "\($0)/faketime/libfaketimeMT.so"] }
                .first { FileManager.default.fileExists(atPath: $0) }
        #else
            return nil
        #endif
    }
}
