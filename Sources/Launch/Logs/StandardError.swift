import Foundation

/// The process's stderr, unbuffered: what was written is out even when the process is killed a moment later.
enum StandardError {
    static func write(_ text: String) {
        // There is no better place to complain when stderr itself is gone.
        try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
    }
}
