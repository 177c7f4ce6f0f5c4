import Terminal
import TestSupport
import Testing

@testable import ShopCLI

@Suite("What is drawn anew fits the terminal")
struct ScreenTests {
    private static let size = Screen.Size(columns: 20, rows: 10)

    /// What a terminal of that size is given, one text for each time.
    private func drawn(_ lines: [String]...) async -> [String] {
        let texts = Tally<[String]>([])
        let screen = Screen(size: { Self.size }) { text in texts.change { $0.append(text) } }
        for lines in lines { await screen.refresh(lines) }
        return texts.value
    }

    @Test("of more lines than a terminal has those at the top are drawn, and the last one counts the others")
    func height() async {
        let long = (0..<100).map { "line \($0) \(String(repeating: "x", count: $0))" }
        let texts = await drawn(long, long, ["one"])
        let lines = texts[0].dropFirst().split(separator: "\n")
        #expect(lines.count == 9 && lines.first == "line 0 " && lines.last == "and 92 more lines")
        #expect(lines.allSatisfy { String($0).displayWidth <= 20 })
        for text in texts.dropFirst() { #expect(text.hasPrefix("\r\u{1B}[9A"), "all that was drawn is drawn anew") }
    }

    @Test("lines that fit are drawn as they are, also where there is hardly any room")
    func fitting() {
        let nine = (0..<9).map { "\($0)" }
        #expect(Screen.fitted(nine, to: Self.size) == nine)
        #expect(Screen.fitted(nine + ["9"], to: Self.size).last == "and 2 more lines")
        for rows in 0...2 {
            #expect(Screen.fitted(nine, to: Screen.Size(columns: 80, rows: rows)) == ["and 9 more lines"], "\(rows)")
        }
        #expect(Screen.fitted(nine, to: .endless) == nine)
    }

    @Test("top begins with its headline and what needs a person, and gives the queues what is left of the terminal")
    func top() {
        func lines(findings: Int, queues: Int, rows: Int) -> [String] {
            let screen = TopScreen(
                headline: "HEADLINE", findings: (0..<findings).map { "finding \($0)" }, rest: ["", "TOPICS", "WORKERS"]
            ) { most in
                let shown = min(most, queues)
                return ["QUEUE"] + (0..<shown).map { "queue \($0)" } + (shown < queues ? ["and more"] : [])
            }
            return Screen.fitted(screen.lines(within: rows), to: Screen.Size(columns: 100, rows: rows))
        }
        let many = lines(findings: 200, queues: 1000, rows: 30)
        #expect(many.count == 29 && many[0] == "HEADLINE" && many[1] == "! finding 0")
        #expect(many[10] == "! and 191 more findings" && many[11] == "" && many[12] == "QUEUE")
        #expect(many[27] == "and more" && many[28] == "and 3 more lines")
        let few = lines(findings: 1, queues: 3, rows: 30)
        #expect(few.count == 10 && few[1] == "! finding 0" && few.last == "WORKERS")
        #expect(lines(findings: 5, queues: 1000, rows: 5).count == 4)
        #expect(lines(findings: 200, queues: 1000, rows: .max).count == 1 + 200 + 1 + 1001 + 3)
    }
}
