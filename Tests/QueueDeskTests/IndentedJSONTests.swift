import Testing

@testable import QueueDesk

@Suite("Bodies in JSON")
struct IndentedJSONTests {
    @Test(
        "each token of a text stays as it is and where it is",
        arguments: [
            (
                #"{"b":1.50,"a":[1,-0.0,1E+2,true,null],"big":1e400}"#,
                """
                {
                  "b": 1.50,
                  "a": [
                    1,
                    -0.0,
                    1E+2,
                    true,
                    null
                  ],
                  "big": 1e400
                }
                """
            ),
            (
                #"{ "a" : {} , "b" : [ ] }"#,
                """
                {
                  "a": {},
                  "b": []
                }
                """
            ),
            (
                #"["a, b: {c}", "\"[\\", "\u00e4ä\/"]"#,
                #"""
                [
                  "a, b: {c}",
                  "\"[\\",
                  "\u00e4ä\/"
                ]
                """#
            ),
            ("12345678901234567890", "12345678901234567890"), (#" "text" "#, #""text""#), ("[]", "[]"),
        ])
    func tokens(json: String, expected: String) { #expect(IndentedJSON(Array(json.utf8))?.text == expected) }

    @Test(
        "what is no JSON is not taken for it",
        arguments: ["", "{", "[1,]", "{a: 1}", "text", "[1] 2", "[1\u{0}]", "01", "\u{FEFF}[]"])
    func others(text: String) { #expect(IndentedJSON(Array(text.utf8)) == nil) }

    @Test("JSON in another encoding, and bytes that are no text, are not taken for it")
    func encodings() {
        #expect(IndentedJSON([0x5B, 0, 0x31, 0, 0x5D, 0]) == nil)
        #expect(IndentedJSON([0x22, 0xFF, 0x22]) == nil)
    }

    @Test("a text of nothing but brackets is shown as it is: its indents would be many times as long")
    func deep() {
        let json = String(repeating: "[", count: 200) + "1,1,1" + String(repeating: "]", count: 200)
        #expect(IndentedJSON(Array(json.utf8)) == nil)
    }
}
