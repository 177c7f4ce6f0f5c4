import Testing

@testable import QueueGateway

@Suite("What stands twice in a request, and can mean only one thing")
struct TwiceTests {
    @Test(
        "a parameter that stands twice in a query is refused, however its name is written",
        arguments: ["a=1&a=2", "a=1&A=2", "limit=1&b=2&%6Cimit=1", "a&a", "a=&a="])
    func parameters(_ query: String) {
        #expect(throws: Refusal.self) { try Query(query[...]) }
    }

    @Test("an element that stands twice in a document is refused, and what there may be several of is read")
    func elements() throws {
        for text in [
            "<Message><MessageBody>a</MessageBody><MessageBody>b</MessageBody></Message>",
            "<Message><MessageBody>a</MessageBody><x:MessageBody xmlns:x='urn:x'>a</x:MessageBody></Message>",
            "<Queue><DelaySeconds>1</DelaySeconds><VisibilityTimeout>1</VisibilityTimeout><DelaySeconds/></Queue>",
            "<Messages><Message><Priority>1</Priority><Priority>2</Priority></Message></Messages>",
        ] {
            #expect(throws: Refusal.self, "\(text)") { try XMLReader.read(Array(text.utf8)) }
        }
        for text in [
            "<Messages><Message/><Message/></Messages>",
            "<ReceiptHandles><ReceiptHandle>a</ReceiptHandle><ReceiptHandle>b</ReceiptHandle></ReceiptHandles>",
            "<UserProperties><PropertyValue/><PropertyValue/></UserProperties>",
        ] {
            #expect(try XMLReader.read(Array(text.utf8)).children.count == 2, "\(text)")
        }
    }
}
