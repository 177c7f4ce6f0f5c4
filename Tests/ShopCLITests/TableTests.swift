import Foundation
import Terminal
import Testing

@testable import ShopCLI

@Suite("Tables for people")
struct TableTests {
    private static let words = [
        "plain", "靴下と靴", "e\u{301}e\u{301}", "👩🏽‍🚀👟", "a\u{1B}[2Jb", "two\nlines", "\u{202E}turned", "",
        String(repeating: "靴", count: 90), String(repeating: "long ", count: 40),
    ]

    @Test("a column of a table begins where its title does, whatever stands before it", arguments: words)
    func columns(text: String) {
        let lines = Table([.text("FIRST"), .text("NEXT"), .number("LAST")], rows: [[text, "next", "7"]]).lines
        #expect(lines.count == 2)
        let starts = lines.map { line in
            line.range(of: line == lines[0] ? "NEXT" : "next").map { line[..<$0.lowerBound] }
        }
        #expect(starts[0]?.description.displayWidth == starts[1]?.description.displayWidth, "\(lines)")
        #expect(lines.allSatisfy { $0.displayWidth <= Table.width }, "\(lines)")
    }

    @Test("a table shows no control character", arguments: words)
    func controls(text: String) {
        let lines = Table([.text("A")], rows: [[text]]).lines.joined()
        #expect(
            lines.unicodeScalars.allSatisfy { ![.control, .lineSeparator].contains($0.properties.generalCategory) })
        #expect(!lines.contains("\u{202E}"))
    }

    @Test("a line is cut to the columns that there are, whatever script it is in, and stays as it is where it fits")
    func cut() {
        #expect(Screen.cut("靴下と靴", to: 8) == "靴下と靴" && Screen.cut("plain", to: 5) == "plain")
        for text in Self.words { #expect(Screen.cut(text.visibleLine, to: 7).displayWidth <= 7, "\(text)") }
        #expect(Screen.cut("plain text", to: 6) == "plain…")
    }

    @Test("times that nobody can have measured are told as unknown", arguments: [1e300, -1e300, .infinity, .nan])
    func absurdTimes(seconds: Double) {
        #expect(Span(seconds: seconds).text == "?")
        #expect(Date(timeIntervalSince1970: seconds).clockText == "00:00:00.000")
    }
}
