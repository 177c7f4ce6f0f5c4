import Testing

@testable import QueueGateway

@Suite("Documents that clients send and get")
struct XMLTests {
    private func read(_ text: String) throws -> XMLNode { try XMLReader.read(Array(text.utf8)) }

    @Test("XML documents are read with any namespace or none, whatever stands before the root")
    func namespaces() throws {
        let inside = "<MessageBody>a &lt;&amp;&gt; 你好&#13;</MessageBody>"
        for text in [
            "<Message>\(inside)</Message>",
            #"<?xml version="1.0" encoding="utf-8"?><Message xmlns="http://mns.aliyuncs.com/doc/v1/">"# + inside
                + "</Message>",
            "<!-- a --><?b c?>\n<m:Message xmlns:m='urn:x'>\(inside.replacing("MessageBody", with: "m:MessageBody"))</m:Message>",
            "\u{FEFF}<Message>\(inside)</Message>",
        ] {
            let node = try read(text)
            #expect(node.name == "Message" && node["MessageBody"] == "a <&> 你好\r", "\(text)")
        }
        #expect(try read("<a><b><![CDATA[<!DOCTYPE x>]]></b></a>")["b"] == "<!DOCTYPE x>")
    }

    @Test(
        "XML with a document type, however it is hidden, with entities, or in another encoding is refused",
        arguments: [
            #"<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>"#, "<!doctype a><a/>", "<!-- --><!DOCTYPE a><a/>",
            #"<?xml version="1.0" encoding="UTF-7"?><a/>"#, #"<?xml version="1.0" encoding="utf-16"?><a/>"#,
            "<a>&undefined;</a>", "<a/><!DOCTYPE a>", "<?xml ?", "<!--", "\0<a/>", "<a>\0</a>", "<a>&#0;</a>",
        ])
    func documentTypes(_ text: String) {
        #expect(throws: Refusal.self) { try read(text) }
    }

    @Test("XML that is not well-formed, too deep, or has too many elements is refused")
    func malformed() throws {
        for text in ["", " ", "a", "<a>", "<a></b>", "<a/><b/>", "<a b=1/>", "<a><b></a></b>", "{}"] {
            #expect(throws: Refusal.self, "\(text)") { try read(text) }
        }
        func nested(_ depth: Int) -> String {
            String(repeating: "<a>", count: depth) + String(repeating: "</a>", count: depth)
        }
        #expect(try read(nested(XMLReader.deepest)).name == "a")
        #expect(throws: Refusal.self) { try read(nested(XMLReader.deepest + 1)) }
        #expect(throws: Refusal.self) { try read(nested(200_000)) }
        #expect(throws: Refusal.self) { try read("<a>" + String(repeating: "<b/>", count: 5000) + "</a>") }
        #expect(throws: Refusal.self) { try XMLReader.read([0xFF, 0xFE, 0x3C, 0x00]) }
    }

    @Test(
        "XML whose tags are longer than any client's is refused before it is parsed, and what only looks like a tag is not"
    )
    func longTags() throws {
        let many = (0..<200_000).map { "a\($0)=''" }.joined(separator: " ")
        let long = String(repeating: "x", count: XMLTags.longest)
        for text in [
            "<a \(many)/>", "<a b='>' \(many)></a>", "<a b=\">'\" \(many)></a>", "<a><!-- > --><b \(many)/></a>",
            "<a><\(long)/></a>",
            "<a></a\(long)>", "<a b='\(long)'/>", "<a \(many)", "<a b='\(many)", "<?x <?><a \(many)/>",
            "<a><![CDATA[<]]><b \(many)/></a>",
        ] {
            #expect("\(text.prefix(40))") {
                try read(text)
            } throws: { error in
                (error as? Refusal)?.text.contains("a tag is longer") == true
            }
        }
        let value = String(repeating: "x", count: XMLTags.longest - "<a b=''>".utf8.count)
        #expect(try read("<a b='\(value)'>y</a>").name == "a")
        for kept in ["<!-- <b \(many) -->", "<![CDATA[<b \(many)]]>", "<?b \(long)?>", "\(long)>\(long)"] {
            #expect(try read("<a><b>\(kept)</b></a>").child("b") != nil, "\(kept.prefix(40))")
        }
    }

    @Test("whatever bytes come, reading them ends, and with an answer or a refusal")
    func noise() {
        var generator = SeededGenerator(seed: 11)
        let seeds = [
            "<Message><MessageBody>x</MessageBody></Message>", "<!-- x --><a b='c'>&lt;<![CDATA[y]]></a>",
            "<?xml version='1.0'?><a/>",
        ].map { Array($0.utf8) }
        for round in 0..<20_000 {
            var bytes = seeds[round % seeds.count]
            for _ in 0..<Int.random(in: 1...6, using: &generator) {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: bytes[place] = .random(in: .min ... .max, using: &generator)
                case 1: bytes.remove(at: place)
                default: bytes.insert(contentsOf: bytes[place...].prefix(8), at: place)
                }
                if bytes.isEmpty { bytes = [0x3C] }
            }
            do { _ = try XMLReader.read(bytes) } catch { #expect(error is Refusal) }
        }
    }

    @Test("XML is written so that what was said is read again, and no text becomes an element")
    func written() throws {
        let text = "a<b>&amp;\r\n\t\"'你好 ]]> <\u{301}c>"
        let document = XMLElement("A", [XMLElement("B", text), nil, XMLElement("C", [XMLElement("D", 7)])])
        let bytes = document.document(in: "urn:x")
        let node = try XMLReader.read(bytes)
        #expect(node["B"] == text && node.child("C")?["D"] == "7" && node.children.count == 2)
        #expect(String(decoding: bytes, as: UTF8.self).contains("<A xmlns=\"urn:x\">"))
    }

    @Test("a text that no document can hold is written with U+FFFD in the places of what is no character of XML")
    func replaced() throws {
        let all = String(String.UnicodeScalarView((0...0x10FFF).compactMap(Unicode.Scalar.init)))
        let node = try XMLReader.read(XMLElement("A", [XMLElement("B", all)]).document(in: "urn:x"))
        let expected = all.unicodeScalars.map { scalar -> Unicode.Scalar in
            String(scalar).canStandInXML ? scalar : "\u{FFFD}"
        }
        #expect(node["B"].map { Array($0.unicodeScalars) } == expected)
    }

    @Test("a text that no document can hold is known")
    func characters() {
        #expect("a\t\r\n你好😀".canStandInXML)
        for text in ["\0", "\u{1}", "\u{B}", "\u{FFFE}", "\u{1F}"] { #expect(!text.canStandInXML) }
    }
}

/// The same numbers each time.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
