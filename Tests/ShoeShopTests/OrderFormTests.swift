import Foundation
import ShoeShop
import Testing

@Suite("Reading a submission")
struct OrderFormTests {
    static let good = """
        {"customer": {"name": "Lena", "email": "lena@example.com"},
         "address": {"recipient": "Lena", "street": "Lindenstraße 12", "city": "Leipzig", "postcode": "04229",
                     "country": "DE"},
         "lines": [{"sku": "RUNNER-42-TAN", "quantity": 1}, {"sku": "COURT-42-RED", "quantity": 20}],
         "paymentToken": "tok_visa_1", "note": "fields that nobody knows are ignored"}
        """

    private func form(_ json: String) throws -> OrderForm {
        try JSONDecoder().decode(OrderForm.self, from: Data(json.utf8))
    }

    @Test(
        "a name of a customer with a control character of either kind, a separator, or a mark that nobody sees is refused by its field",
        arguments: [
            "\\u0000", "\\u001b", "\\u007f", "\\u0085", "\\u009b", "\\u2028", "\\u2029", "\\u202e", "\\u2066",
            "\\u200b", "\\u00ad",
            "\\ufeff", "\\ue000",
        ])
    func unseen(escape: String) throws {
        let form = try form(
            #"{"customer": {"name": "Lena\#(escape)Schneider", "email": "lena@example.com"}}"#)
        #expect(
            form.errors.contains {
                $0.pointer == "/customer/name" && $0.detail == "must not contain control characters or invisible marks"
            })
    }

    @Test(
        "names of customers in all scripts are taken as they are, with the joiners that some need",
        arguments: ["Zoë Ångström", "ナディア", "نور‌الدین", "क्‍ष", "👩‍👟 O'Neill", "Ñandú-Łódź", "ﬁ"])
    func scripts(name: String) throws {
        let form = try form(#"{"customer": {"name": "\#(name)", "email": "lena@example.com"}}"#)
        #expect(!form.errors.contains { $0.pointer == "/customer/name" })
    }

    @Test("a good submission becomes a draft of an order")
    func accepts() throws {
        let form = try form(Self.good)
        #expect(form.errors.isEmpty)
        #expect(form.draft?.lines.last == OrderLine(sku: "COURT-42-RED", quantity: 20))
        #expect(form.draft?.address.street == "Lindenstraße 12")
    }

    @Test(
        "every wrong field of a submission is named, with its place",
        arguments: [
            (#"{}"#, ["/customer", "/address", "/lines", "/paymentToken"]),
            (#"[]"#, [""]),
            (
                #"{"customer": 1, "address": {}, "lines": 3, "paymentToken": null}"#,
                [
                    "/customer", "/address/recipient", "/address/street", "/address/city", "/address/postcode",
                    "/address/country", "/lines", "/paymentToken",
                ]
            ),
        ])
    func namesAll(json: String, pointers: [String]) throws {
        let form = try form(json)
        #expect(form.draft == nil)
        #expect(form.errors.map(\.pointer) == pointers)
    }

    @Test(
        "one wrong field of a submission is one error",
        arguments: [
            (#""name": "Lena""#, #""name": """#, "/customer/name"),
            (#""name": "Lena""#, #""name": "Le\u0000na""#, "/customer/name"),
            (#""name": "Lena""#, #""name": " Lena""#, "/customer/name"),
            ("lena@example.com", "lena", "/customer/email"),
            ("lena@example.com", "lena@example", "/customer/email"),
            (#""DE""#, #""de""#, "/address/country"),
            (#""DE""#, #""DEU""#, "/address/country"),
            (#""04229""#, "4229", "/address/postcode"),
            (#""quantity": 20"#, #""quantity": 21"#, "/lines/1/quantity"),
            (#""quantity": 20"#, #""quantity": 1.5"#, "/lines/1/quantity"),
            (#""quantity": 20"#, #""quantity": "2""#, "/lines/1/quantity"),
            ("COURT-42-RED", "RUNNER-42-TAN", "/lines/1/sku"),
            ("COURT-42-RED", "court 42", "/lines/1/sku"),
            (#"{"sku": "COURT-42-RED", "quantity": 20}"#, "7", "/lines/1"),
            ("tok_visa_1", "4111 1111 1111 1111", "/paymentToken"),
            ("tok_visa_1", "tok_ä", "/paymentToken"),
        ])
    func namesOne(original: String, wrong: String, pointer: String) throws {
        let form = try form(Self.good.replacingOccurrences(of: original, with: wrong))
        #expect(form.draft == nil)
        #expect(form.errors.map(\.pointer) == [pointer])
    }

    @Test("an order line that is no object doesn't hide the ones after it")
    func goesOn() throws {
        let lines = #"[7, {"sku": "A-1", "quantity": 0}, null, {"sku": "", "quantity": 1}]"#
        let form = try form(#"{"lines": \#(lines)}"#)
        let pointers = form.errors.map(\.pointer).filter { $0.hasPrefix("/lines") }
        #expect(pointers.sorted() == ["/lines/0", "/lines/1/quantity", "/lines/2", "/lines/3/sku"])
    }

    @Test("too many order lines are refused without reading them")
    func tooMany() throws {
        let lines = (0...50).map { #"{"sku": "A-\#($0)", "quantity": 1}"# }.joined(separator: ",")
        let form = try form(#"{"lines": [\#(lines)]}"#)
        #expect(form.errors.map(\.pointer).contains("/lines"))
    }

    @Test("a submission that is no JSON at all throws")
    func noJSON() {
        #expect(throws: DecodingError.self) { try form("{") }
    }

    @Test(
        "an idempotency key is visible ASCII",
        arguments: [
            ("checkout-7f3a91", true), ("", false), ("two words", false), ("schlüssel", false),
            (String(repeating: "k", count: 200), true), (String(repeating: "k", count: 201), false),
        ])
    func keys(text: String, isKey: Bool) {
        #expect((IdempotencyKey(text) != nil) == isKey)
    }
}
