import Testing

@testable import ShoeShop

@Suite("Who gets the shoes")
struct ShelfTests {
    private func lines(_ wanted: [(SKU, Int)]) -> [PricedLine] {
        wanted.map { PricedLine(sku: $0, name: "", quantity: $1, unitPrice: .zero) }
    }

    @Test("200 buyers, 20 pairs: the first 20 get one each")
    func race() {
        var shelf = Shelf(onHand: ["A": 20])
        let decisions = (0..<200).map { _ in shelf.reserve(lines([("A", 1)])) }
        #expect(decisions.prefix(20).allSatisfy { $0 == .granted })
        #expect(decisions.dropFirst(20).allSatisfy { $0 != .granted })
        #expect(shelf.reserved == ["A": 20])
    }

    @Test("an order that misses one line takes none, and leaves all to the next")
    func allOrNothing() {
        var shelf = Shelf(onHand: ["A": 5, "B": 0])
        let refusal = shelf.reserve(lines([("A", 5), ("B", 1), ("C", 2)]))
        #expect(
            refusal == .refused(shortages: [.init(sku: "B", wanted: 1, left: 0), .init(sku: "C", wanted: 2, left: 0)]))
        #expect(shelf.reserve(lines([("A", 5)])) == .granted)
        #expect(shelf.reserved == ["A": 5])
    }

    @Test("order lines of the same article count together on the shelf")
    func repeatedArticle() {
        var shelf = Shelf(onHand: ["A": 3])
        #expect(shelf.reserve(lines([("A", 2), ("A", 2)])) != .granted)
        #expect(shelf.reserve(lines([("A", 2), ("A", 1)])) == .granted)
    }

    @Test("whatever is asked of the shelf, nothing is given twice and nothing falls below zero")
    func conservation() {
        let skus: [SKU] = ["A", "B", "C"]
        for _ in 0..<500 {
            let stock = Dictionary(uniqueKeysWithValues: skus.map { ($0, Int.random(in: 0...9)) })
            var shelf = Shelf(onHand: stock)
            var given: [SKU: Int] = [:]
            for _ in 0..<12 {
                let wish = skus.shuffled().prefix(2).map { ($0, Int.random(in: 1...4)) }
                guard shelf.reserve(lines(wish)) == .granted else { continue }
                for (sku, quantity) in wish { given[sku, default: 0] += quantity }
            }
            #expect(shelf.reserved == given)
            #expect(given.allSatisfy { $0.value <= stock[$0.key, default: 0] })
        }
    }
}
