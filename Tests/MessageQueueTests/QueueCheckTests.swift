import DeliveryCheck
import Foundation
import Testing

@Suite("What went in is held against what came out")
struct QueueCheckTests {
    private let ids = (0..<5).map { _ in UUID() }

    private func check(_ sent: [UUID], _ stored: [UUID], _ handled: [UUID]) -> QueueCheck<UUID> {
        QueueCheck(attempted: sent, acknowledged: stored, handled: handled)
    }

    @Test("a check of all that was sent and handled once finds no fault")
    func faultless() {
        let result = check(ids, ids, ids.reversed())
        #expect(result.isFaultless)
        #expect(result.lost + result.unexpected + result.duplicated + result.recovered == 0)
    }

    @Test("an acknowledged message that nobody handled is lost")
    func lost() {
        let result = check(ids, ids, Array(ids.dropLast()))
        #expect(result.lost == 1 && !result.isFaultless)
    }

    @Test("a message that was not acknowledged may be missing, and counts as recovered when it came all the same")
    func unacknowledged() {
        #expect(check(ids, Array(ids.dropLast()), Array(ids.dropLast())).isFaultless)
        let result = check(ids, Array(ids.dropLast()), ids)
        #expect(result.isFaultless && result.recovered == 1)
    }

    @Test("a message that nobody sent is unexpected, each time")
    func unexpected() {
        let stranger = UUID()
        let result = check(ids, ids, ids + [stranger, stranger])
        #expect(result.unexpected == 2 && !result.isFaultless && result.duplicated == 0)
    }

    @Test("a message that came three times was duplicated twice, and is neither lost nor recovered")
    func duplicated() {
        let result = check(ids, ids, ids + [ids[0], ids[0]])
        #expect(result.duplicated == 2 && result.isFaultless && result.recovered == 0)
    }

    @Test("a duplicate of one message does not make up for the loss of another")
    func noCompensation() {
        let result = check(ids, ids, Array(ids.dropLast()) + [ids[0]])
        #expect(result.lost == 1 && result.duplicated == 1)
    }
}
