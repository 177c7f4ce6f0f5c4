import Testing

@testable import MessageQueue

@Suite("A text is made such that any database can store it")
struct StorableTextTests {
    @Test("a short text without a NUL stays as it is", arguments: ["", "why", "größer 😀"])
    func asItIs(text: String) { #expect(text.storable(upTo: 20) == text) }

    @Test("a NUL is left out, wherever it stands")
    func nul() {
        for text in ["\0why", "w\0hy", "why\0", "\0w\0\0hy"] { #expect(text.storable(upTo: 6) == "why") }
    }

    @Test("a long text is cut between two characters, and never longer than allowed", arguments: 3..<60)
    func cut(limit: Int) {
        let text = String(repeating: "aé日😀", count: 6)
        let cut = text.storable(upTo: limit)
        #expect(cut.utf8.count <= limit && cut.utf8.count > limit - 4 && cut.hasSuffix("..."))
        #expect(text.hasPrefix(cut.dropLast(3)))
    }

    @Test("in ASCII every other character is told by its number")
    func ascii() {
        #expect("größer\n日".inASCII == "gr\\u{00F6}\\u{00DF}er\n\\u{65E5}")
        #expect("plain \\ text".inASCII == "plain \\ text")
    }
}

@Suite("What is too much for one statement goes in parcels")
struct ParcelTests {
    private static let most = MessageLimits.parcelBytes

    @Test("a parcel weighs as much as is allowed, and the order stays")
    func weights() {
        let weights = [Self.most / 2, Self.most / 2, 1, Self.most, Self.most * 3, 0, 5]
        let parcels = weights.parcels { $0 }
        #expect(parcels.flatMap(\.self) == weights)
        #expect(parcels.map(\.count) == [2, 1, 1, 1, 2])
    }

    @Test("nothing makes no parcel, and little makes one")
    func few() {
        #expect([Int]().parcels { $0 }.isEmpty)
        #expect([1, 2, 3].parcels { $0 } == [[1, 2, 3]])
    }
}
