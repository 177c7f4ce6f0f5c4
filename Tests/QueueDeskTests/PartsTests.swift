import Foundation
import MessageQueue
import Testing

@testable import QueueDesk

@Suite("The parts of the desk's pages")
struct PartsTests {
    @Test("text and attributes are escaped where they enter, and elements without an end have none")
    func html() {
        let html = HTML("a", ["href": "\"<&'", "hidden": "", "title": nil], [.text("<&>"), HTML("br", [:])])
        #expect(html.source == "<a href=\"&quot;&lt;&amp;&#39;\" hidden>&lt;&amp;&gt;<br></a>")
    }

    @Test("a column without a title has no heading, and one of numbers is marked")
    func table() {
        let html = HTML.table("All", ["Name", "#Count", ""], [["a", "1", "x"]], empty: "").source
        #expect(
            html.contains("<tr><th scope=\"col\">Name</th><th scope=\"col\" class=\"number\">Count</th><td></td></tr>"))
        #expect(html.contains("<td data-label=\"Count\" class=\"number\">1</td><td>x</td>"))
    }

    @Test("what is wrong about a control is read with it, and one that is right says nothing of that")
    func controls() {
        let field = HTML.field("Key", .input("key", "k", error: "It is <long>.")).source
        let state = "aria-invalid=\"true\" aria-describedby=\"wrong-key\""
        #expect(field.contains("<input name=\"key\" type=\"text\" value=\"k\" autocomplete=\"off\" \(state)>"))
        #expect(field.contains("<span class=\"wrong\" id=\"wrong-key\">It is &lt;long&gt;.</span></label>"))
        for control in [
            HTML.area("key", "", rows: 3, error: "No."), .select("key", ["a"], chosen: nil, none: nil, error: "No."),
        ] { #expect(control.source.contains(state) && control.source.contains("id=\"wrong-key\">No.<")) }
        for control in [
            HTML.input("key", nil), .area("key", "", rows: 3), .select("key", ["a"], chosen: nil, none: nil),
        ] { #expect(!control.source.contains("aria-") && !control.source.contains("wrong")) }
    }

    @Test("a line of what was ends on the right with now, and as wide as its box is a quarter of an hour")
    func spark() {
        #expect(Spark.points([]) == "" && Spark.points([1]) == "")
        #expect(Spark.points([0, 0]) == "98.3,19.0 100.0,19.0")
        #expect(Spark.points([0, 5, 10]) == "96.6,19.0 98.3,10.0 100.0,1.0")
        let whole = Spark.points(Array(repeating: 1, count: 60))
        #expect(whole.hasPrefix("0.0,1.0 ") && whole.hasSuffix(" 100.0,1.0"))
    }

    @Test("the fields of a form are read with their blanks and marks, and those of nothing but blanks are not there")
    func fields() throws {
        let fields = try Fields("a=1+2%2B3&b=+&c=%C3%A4&ticket=4&ticket=5")
        #expect(fields["a"] == "1 2+3" && fields["b"] == nil && fields["c"] == "ä" && fields["none"] == nil)
        #expect(try fields.deadLetters().tickets == [4, 5])
        #expect(throws: Refusal.self) { let _: Int? = try Fields("a=x").number("a") }
    }

    @Test("a time is read as a browser's field writes it, in UTC")
    func time() throws {
        let expected = try Date("2026-11-27T17:00:00Z", strategy: .iso8601)
        #expect(try Fields("t=2026-11-27T17:00").time("t") == expected)
        #expect(try Fields("t=2026-11-27T17:00:00").time("t") == expected)
        #expect(throws: Refusal.self) { try Fields("t=Friday").time("t") }
    }

    @Test("keys and tags are read with the blanks around them, other fields without")
    func blanks() throws {
        let fields = try Fields("key=A+1+&tag=+t&queue=+q+&reason=+&error=")
        #expect(fields["key"] == "A 1 " && fields["tag"] == " t" && fields["queue"] == "q")
        #expect(fields["reason"] == nil && fields["error"] == nil)
        #expect(try fields.deadLetters().key == "A 1 ")
        #expect(try Fields("key=")["key"] == nil)
    }

    @Test("parts of a path are escaped so that they stay one part")
    func escaping() { #expect("a/b?c=d&e f%ä".queryEscaped == "a%2Fb%3Fc%3Dd%26e%20f%25%C3%A4") }

    @Test("the rest of an action is asked for with all of its filter, and not at all where that isn't known whole")
    func actionFilter() {
        #expect(ActionFilter(nil, [:])?.query == "?all=yes" && ActionFilter(nil, ["rate": "5.0"])?.query == "?all=yes")
        #expect(ActionFilter("a b", ["rate": "5.0"])?.query == "?queue=a%20b")
        let all = ["reason": "r&r", "message": "m", "key": "k", "error": "e=1", "tickets": "4 5"]
        #expect(ActionFilter("q", all)?.query == "?queue=q&error=e%3D1&key=k&message=m&reason=r%26r&ticket=4&ticket=5")
        #expect(ActionFilter(nil, ["through ticket": "7"])?.query == "?all=yes&through=7")
        #expect(ActionFilter("q", ["through ticket": "7", "key": "k"])?.query == "?queue=q&key=k&through=7")
        #expect(ActionFilter("q", ["key": " k "])?.query == "?queue=q&key=%20k%20")
        let lost: [[String: String]] = [
            ["older than": "5m"], ["error": " away"], ["error": String(repeating: "x", count: 999)], ["key": ""],
            ["tickets": String(repeating: "12345 ", count: 166)],
        ]
        for detail in lost { #expect(ActionFilter("q", detail) == nil, "\(detail)") }
    }

    @Test("the page of an action that has ended asks for nothing more, once its messages have ended")
    func actionRefresh() {
        #expect(ActionPage.refresh(.ended, []) == nil)
        #expect(ActionPage.refresh(.underWay, []) == .seconds(2) && ActionPage.refresh(.paused, []) == .seconds(2))
        #expect(ActionPage.refresh(.brokenOff, []) == .seconds(30))
    }

    @Test("a token is known by its digest, which may be all that is given of it, with its owner or without")
    func tokens() {
        let secret = "abcdefghijklmnopqrst"
        let digest = "dd65eea0329dcb94b17187af9dff28c31a1d78026737a16af75979a1fa4618e5"
        let known: [(String, String?)] = [
            (secret, nil), ("ada=\(secret)", "ada"), ("sha256:\(digest)", nil), ("ada=sha256:\(digest)", "ada"),
            ("ada=sha256:\(digest.uppercased())", "ada"),
        ]
        for (text, owner) in known {
            let token = AccessToken(text)
            #expect(token?.owner == owner && token?.isSame(as: Array(secret.utf8)) == true, "\(text)")
            for other in ["", "abcdefghijklmnopqrsu", secret + "=", "sha256:\(digest)", digest] {
                #expect(token?.isSame(as: Array(other.utf8)) == false, "\(text), \(other)")
            }
        }
        #expect(AccessToken(secret + "=")?.isSame(as: Array((secret + "=").utf8)) == true)
        let wrong = [
            "", "abc", "ada=abc", "alexander-the-great=abc", "a b=\(secret)", "sha256:\(digest.dropLast())",
            "sha256:\(digest)0", "ada=sha256:\(digest.dropLast())g", "sha256:\(secret)", "ada=sha256:",
        ]
        for text in wrong { #expect(AccessToken(text) == nil, "\(text)") }
    }

    @Test("whoever prints a token, or something that holds one, prints nothing that lets anybody in, nor its digest")
    func redacted() throws {
        let token = try #require(AccessToken("ada=abcdefghijklmnopqrst"))
        var dumped = ""
        dump(["it": token], to: &dumped)
        for text in ["\(token)", String(reflecting: token), "\([token])", dumped] {
            #expect(text.contains("ada=***") && !text.contains("abcd") && !text.contains("digest"), "\(text)")
        }
    }

    @Test("lengths of time are told in their two largest units")
    func spans() {
        let told = [nil, 0.25, 4.26, 192, 7500, 360_000].map { SpanText(seconds: $0).text }
        #expect(told == ["–", "250 ms", "4.2 s", "3 min 12 s", "2 h 5 min", "4 d 4 h"])
        for absurd in [1e300, -1e300, .infinity, .nan] { #expect(SpanText(seconds: absurd).text == "–") }
    }
}
