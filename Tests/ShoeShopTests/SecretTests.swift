import Foundation
import Testing

@testable import ShoeShop

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

    @Test(
        "of a provider's address, a span shows nothing that lets somebody in",
        arguments: [
            ("http://127.0.0.1:8091/charges", "http://127.0.0.1:8091/charges"),
            ("https://shop:sesame@pay.example/v1/charges", "https://pay.example/v1/charges"),
            ("https://sesame@pay.example/charges", "https://pay.example/charges"),
            ("https://pay.example:81/charges?key=sesame#sesame", "https://pay.example:81/charges"),
            ("https://shop:1/sesame@pay.example/charges", "https://shop:1"),
            ("http://shop:sesame@[::1]:8091/a%20b", "http://[::1]:8091/a%20b"),
        ])
    func address(_ url: String, shown: String) throws {
        #expect(ProviderCall.shown(try #require(URL(string: url))) == shown)
    }
}
