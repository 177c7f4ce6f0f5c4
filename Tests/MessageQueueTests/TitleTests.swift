import Testing

@Suite("The titles of tests")
struct TitleTests {
    @Test("each title of a test names what it is about, and needs none of its suite's to be understood")
    func subjects() throws {
        var titles = 0
        for path in try Repository.files(in: "Tests", endingIn: ".swift") {
            for title in try Repository.text(of: path).matches(of: #/@Test\(\s*"((?:[^"\\]|\\.)*)"/#) {
                titles += 1
                #expect(!title.1.starts(with: Self.withoutSubject), "\(path): \(title.1)")
            }
        }
        #expect(titles > 500)
    }

    /// How a sentence goes on whose subject stands elsewhere. A regular expression is no constant that tasks may share.
    private static var withoutSubject: Regex<(Substring, Substring)> {
        #/(is|are|was|were|as|has|have|does|can|may|must|says|tells|keeps|within|full|it|they|those|one that|also|another)\b/#
    }
}
