import Foundation

/// The processes of this machine, as the system lists them.
public enum ProcessTable {
    /// How many were started with this folder as the one for temporary files; by those that are called so, where a word is given.
    public static func count(withTemporaryFolder folder: String, calledLike word: String = "") throws -> Int {
        let all = try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { Int32($0) }
        return all.count { process in
            func text(_ file: String) -> String {
                String(
                    decoding: FileManager.default.contents(atPath: "/proc/\(process)/\(file)") ?? Data(), as: UTF8.self)
            }
            return text("environ").contains("TMPDIR=\(folder)") && (word.isEmpty || text("cmdline").contains(word))
        }
    }
}
