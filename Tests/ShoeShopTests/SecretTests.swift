import ShoeShop
import Testing

@Suite("What lets somebody in is printed nowhere")
struct SecretTests {
    @Test("a customer's token, and whatever holds one, is masked in texts, dumps and errors")
    func token() throws {
        let submitter = Submitter.new()
        let token = try #require(submitter.token)
        var dumped = ""
        dump(submitter, to: &dumped)
        dump(["token": token, "bearer": Submitter.showing(token)] as [String: Any], to: &dumped)
        let texts = [
            "\(token)", "\(submitter)", "\(Submitter.showing(token))", String(reflecting: token),
            String(reflecting: [submitter]), dumped,
        ]
        for text in texts { #expect(!text.contains(token.text), "\(text)") }
        #expect("\(token)" == "***")
    }
}
