import Foundation
import MessageQueue
import Terminal

/// Standard output with a part at its end that is drawn anew; plain lines when it is no terminal.
actor Screen {
    /// Of a terminal.
    struct Size: Sendable, Equatable {
        let columns, rows: Int

        /// Not a terminal: as many as it takes.
        static let endless = Size(columns: .max, rows: .max)
    }

    private let isTerminal: Bool
    /// Standard output is for a program: people are told on standard error.
    private let isForProgram: Bool
    private let terminalSize: @Sendable () -> Size
    private let write: @Sendable (String) -> Void
    private var drawn: [String] = []
    private var lastPlain = ContinuousClock.now - plainInterval
    private static let plainInterval = Duration.seconds(5)

    init(isForProgram: Bool = false) {
        self.isForProgram = isForProgram
        isTerminal = !isForProgram && isatty(STDOUT_FILENO) == 1
        terminalSize = { Screen.standardSize }
        let stream = isForProgram ? StandardStream.error : .output
        write = { stream.write($0) }
    }

    /// A terminal that somebody else draws.
    init(size: @escaping @Sendable () -> Size, write: @escaping @Sendable (String) -> Void) {
        (isTerminal, isForProgram) = (true, false)
        (terminalSize, self.write) = (size, write)
    }

    /// As large as it is now: the user may change it at any moment.
    var size: Size { isTerminal ? terminalSize() : .endless }

    /// Draws `lines` where the last ones were. Without a terminal they are printed below each other, every few seconds.
    func refresh(_ lines: [String]) {
        if isForProgram { return }
        let lines = Self.fitted(lines.map(\.visibleLine), to: size)
        if isTerminal {
            write(erasure + lines.joined(separator: "\n") + "\n")
            drawn = lines
        } else if lines != drawn, ContinuousClock.now - lastPlain >= Self.plainInterval {
            write(lines.joined(separator: "\n") + "\n")
            lastPlain = .now
            drawn = lines
        }
    }

    private static var standardSize: Size {
        var size = winsize()
        let isKnown = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0
        return Size(
            columns: isKnown && size.ws_col > 0 ? Int(size.ws_col) : Table.width,
            rows: isKnown && size.ws_row > 0 ? Int(size.ws_row) : .max)
    }

    /// As many columns as the terminal has: a line that goes on in the next one would be counted as one when it is
    /// drawn anew. And one line less than it has, since the cursor stands in the last one: what has rolled out at the
    /// top can't be drawn anew.
    static func fitted(_ lines: [String], to size: Size) -> [String] {
        cut(lines, to: max(1, size.rows - 1), "more line").map { cut($0, to: size.columns) }
    }

    /// So many lines at the most, the last of which says how many are left out.
    static func cut(_ lines: [String], to most: Int, _ noun: String) -> [String] {
        guard lines.count > most else { return lines }
        return Array(lines.prefix(most - 1)) + ["and \(CountText(lines.count - most + 1, noun))"]
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
}
