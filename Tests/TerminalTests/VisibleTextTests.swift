import Terminal
import Testing

@Suite("Texts for a terminal")
struct VisibleTextTests {
    @Test(
        "what would steer, hide or reorder is shown as an escape",
        arguments: [
            ("\u{1B}[31mred\u{7}", #"\u{1b}[31mred\u{7}"#), ("a\nb\r\n\tc\rd", #"a\nb\r\n\tc\rd"#),
            ("\0\u{7F}", #"\u{0}\u{7f}"#),
            ("\u{9B}2J\u{85}", #"\u{9b}2J\u{85}"#), ("abc\u{202E}fed\u{2069}", #"abc\u{202e}fed\u{2069}"#),
            ("a\u{200B}b\u{FEFF}c\u{AD}d", #"a\u{200b}b\u{feff}c\u{ad}d"#),
            ("a\u{200D}b\u{2060}", #"a\u{200d}b\u{2060}"#),
            ("a\u{2028}b\u{2029}", #"a\u{2028}b\u{2029}"#), ("\u{E000}\u{FFFF}\u{3164}", #"\u{e000}\u{ffff}\u{3164}"#),
            ("a\u{FE0F}\u{E0041}", #"a\u{fe0f}\u{e0041}"#), ("a\u{2003}b", #"a\u{2003}b"#),
        ])
    func escapes(text: String, visible: String) {
        #expect(text.visibleLine == visible)
        #expect(visible.visibleLine == visible, "an escape is not escaped again")
    }

    @Test(
        "what can be seen stays as it is, in every script",
        arguments: [
            "", "plain ~ text", "Größe 42 ½", "e\u{301}", "שלום", "مرحبا", "靴下", "한글", "नमस्ते", "👟👩🏽‍🚀", "❤️",
            "🏴\u{E0067}\u{E007F}", "\\u{1b}", "a\u{A0}b",
        ])
    func stays(text: String) {
        #expect(text.visibleLine == text && text.visibleLines == text)
    }

    @Test("line feeds stay where a text is laid out in lines, and nothing else that moves")
    func lines() {
        #expect("a\n\tb\r\nc\u{1B}\n".visibleLines == "a\n\\tb\\r\\nc\\u{1b}\n")
    }

    @Test(
        "a text takes as many columns as a terminal gives it",
        arguments: [
            ("", 0), ("abc", 3), ("e\u{301}a\u{302}\u{323}", 2), ("靴下", 4), ("ｆｕｌｌ", 8), ("한글", 4), ("👟", 2), ("👩🏽‍🚀", 2),
            ("❤️", 2), ("🇩🇪", 2),
            ("½…", 2), ("\u{301}", 0), ("שלום", 4),
        ])
    func widths(text: String, columns: Int) {
        #expect(text.displayWidth == columns)
    }

    @Test("a text is cut before the character that would not fit whole")
    func cuts() {
        #expect("靴下a".prefix(columns: 3) == "靴" && "靴下a".prefix(columns: 4) == "靴下" && "靴".prefix(columns: 1) == "")
        #expect("e\u{301}xy".prefix(columns: 2) == "e\u{301}x" && "abc".prefix(columns: 9) == "abc")
    }
}
