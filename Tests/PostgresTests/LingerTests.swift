import Postgres
import Testing

@Suite("Lingering between transactions")
struct LingerTests {
    @Test("on a slow disk all transactions are slow, and nobody lingers", arguments: [1, 8, 40])
    func steady(milliseconds: Int) {
        var linger = Linger(factor: 8, longest: .milliseconds(50))
        for _ in 0..<100 { #expect(linger.pause(afterTaking: .milliseconds(milliseconds)) == .zero) }
    }

    @Test("a transaction that is held up makes the next one wait, a multiple of its delay, within the limit")
    func busy() {
        var linger = Linger(factor: 8, longest: .milliseconds(50))
        #expect(linger.pause(afterTaking: .milliseconds(1)) == .zero)
        #expect(linger.pause(afterTaking: .milliseconds(4)) == .milliseconds(24))
        #expect(linger.pause(afterTaking: .milliseconds(400)) == .milliseconds(50))
    }

    @Test("one delayed transaction has no consequences beyond the next one")
    func hiccup() {
        var linger = Linger(factor: 8, longest: .milliseconds(50))
        for _ in 0..<3 {
            #expect(linger.pause(afterTaking: .milliseconds(2)) == .zero)
            #expect(linger.pause(afterTaking: .milliseconds(20)) == .milliseconds(50))
        }
        #expect(linger.pause(afterTaking: .milliseconds(2)) == .zero)
    }

    @Test("a disk that has become slow makes nobody linger once its quicker times are long ago")
    func slower() {
        var linger = Linger(factor: 8, longest: .milliseconds(50))
        #expect(linger.pause(afterTaking: .milliseconds(1)) == .zero)
        #expect(linger.pause(afterTaking: .milliseconds(20)) == .milliseconds(50))
        for _ in 0..<1000 { _ = linger.pause(afterTaking: .milliseconds(20)) }
        #expect(linger.pause(afterTaking: .milliseconds(20)) == .zero)
    }
}
