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
        let width = isTerminal ? width : Int.max
        let lines = lines.map { Self.cut($0.visibleLine, to: width) }
        if isTerminal {
            write(erasure + lines.joined(separator: "\n") + "\n")
            drawn = lines
        } else if lines != drawn, ContinuousClock.now - lastPlain >= Self.plainInterval {
            write(lines.joined(separator: "\n") + "\n")
            lastPlain = .now
            drawn = lines
        }
    }

    /// As many columns as the terminal has: a line that goes on in the next one would be counted as one when it is drawn anew.
    private var width: Int {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return Table.width }
        return Int(size.ws_col)
    }

    static func cut(_ line: String, to width: Int) -> String {
        line.displayWidth > width ? String(line.prefix(columns: max(0, width - 1))) + "…" : line
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
