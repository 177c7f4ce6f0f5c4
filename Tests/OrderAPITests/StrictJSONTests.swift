import StrictJSON
import Testing

@Suite("JSON that every parser reads alike")
struct StrictJSONTests {
    private func flaw(_ text: String) -> String? {
        do throws(StrictJSON.Flaw) { try StrictJSON.check([UInt8](text.utf8)) } catch { return error.description }
        return nil
    }

    @Test(
        "every value of JSON's grammar passes, however much white space there is",
        arguments: [
            "{}", "[]", "0", "-0", "-0.5e+10", "1E-2", "12.50", "true", " null ", "\"\"", "[1, [2, {\"a\": []}]]\r\n\t",
            #"{"a": 1, "b": {"a": 2}}"#, #"["\u00e9\ud83d\ude00\n\/"]"#, #"{"a": 1, "A": 2, "á": 3, "\u0061b": 4}"#,
            "[\"\u{7F}\u{85}\u{2028}é👟\"]",
        ])
    func good(text: String) { #expect(flaw(text) == nil) }

    @Test(
        "JSON that parsers take differently, or not at all, is refused with the place of its flaw",
        arguments: [
            ("", "no value where one has to stand at byte 0"),
            ("[1,]", "no value where one has to stand at byte 3"),
            (#"{"a":1,}"#, "no name where one has to stand at byte 7"),
            (#"{"a":1,"a":2}"#, "a name that stands twice at byte 7"),
            (#"{"a":1,"\u0061":2}"#, "a name that stands twice at byte 7"),
            (#"{"b":{"a":1,"c":[],"a":2}}"#, "a name that stands twice at byte 19"),
            ("[1 2]", "neither a comma nor an end at byte 3"), ("[1", "neither a comma nor an end at byte 2"),
            ("{} {}", "something behind the end of the text at byte 3"),
            ("01", "something behind the end of the text at byte 1"),
            ("1.", "no digit where one has to stand at byte 2"), ("-", "no digit where one has to stand at byte 1"),
            ("+1", "no value where one has to stand at byte 0"), (".5", "no value where one has to stand at byte 0"),
            ("1e", "no digit where one has to stand at byte 2"), ("NaN", "no value where one has to stand at byte 0"),
            ("True", "no value where one has to stand at byte 0"), ("nul", "an unknown word at byte 3"),
            ("{a:1}", "no name where one has to stand at byte 1"),
            ("['a']", "no value where one has to stand at byte 1"),
            (#"{"a" 1}"#, "no colon behind a name at byte 5"), ("\"a", "a text without an end at byte 2"),
            ("\"a\nb\"", "a control character in a text at byte 2"), (#""\x""#, "an unknown escape at byte 2"),
            (#""\u12g4""#, "no four hexadecimal digits at byte 3"), (#""\ud800""#, "half a character at byte 7"),
            (#""\ude00""#, "half a character at byte 7"), (#""\ud800\u0041""#, "half a character at byte 13"),
            ("[1] // all", "something behind the end of the text at byte 4"),
            ("\u{FEFF}[]", "no value where one has to stand at byte 0"),
        ])
    func bad(text: String, told: String) { #expect(flaw(text) == told) }

    @Test("32 levels of JSON are read, and one more is refused, as are ten thousand")
    func depth() {
        func nested(_ levels: Int) -> String {
            String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
        }
        #expect(flaw(nested(StrictJSON.deepest)) == nil)
        for levels in [StrictJSON.deepest + 1, 10_000] {
            #expect(flaw(nested(levels)) == "more than 32 levels at byte 32")
        }
    }

    @Test(
        "JSON in bytes that are no UTF-8 is refused",
        arguments: [[0x22, 0xFF, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0xC0, 0x80, 0x22]])
    func encoding(bytes: [UInt8]) {
        #expect(throws: StrictJSON.Flaw.self) { try StrictJSON.check(bytes) }
    }
}
