import Foundation
import Terminal

/// Standard output with a part at its end that is drawn anew; plain lines when it is no terminal.
actor Screen {
    private let isTerminal: Bool
    /// Standard output is for a program: people are told on standard error.
    private let isForProgram: Bool
    private var drawn: [String] = []
    private var lastPlain = ContinuousClock.now - plainInterval
    private static let plainInterval = Duration.seconds(5)

    init(isForProgram: Bool = false) {
        self.isForProgram = isForProgram
        isTerminal = !isForProgram && isatty(STDOUT_FILENO) == 1
    }

    /// Draws `lines` where the last ones were. Without a terminal they are printed below each other, every few seconds.
    func refresh(_ lines: [String]) {
        if isForProgram { return }
        let lines = lines.map(\.visibleLine)
        if isTerminal {
            write(erasure + lines.joined(separator: "\n") + "\n")
            drawn = lines
        } else if lines != drawn, ContinuousClock.now - lastPlain >= Self.plainInterval {
            write(lines.joined(separator: "\n") + "\n")
            lastPlain = .now
            drawn = lines
        }
    }

    /// Prints a line that stays, above the part that is drawn anew.
    func notice(_ text: String) {
        let text = text.visibleLines
        if isTerminal {
            write(erasure + text + "\n" + drawn.map { $0 + "\n" }.joined())
        } else {
            write(text + "\n")
        }
    }

    /// Takes away what is drawn.
    func clear() {
        if isTerminal { write(erasure) }
        drawn = []
    }

    /// Lets what is drawn stay.
    func settle() { drawn = [] }

    /// Up to the first drawn line, and clear from there.
    private var erasure: String { drawn.isEmpty ? "\r" : "\r\u{1B}[\(drawn.count)A\u{1B}[J" }

    private func write(_ text: String) {
        (isForProgram ? StandardStream.error : .output).write(text)
    }
}
