import Foundation
import MessageQueue
import Testing

@testable import QueueDesk

@Suite("Attempts along time")
struct TimelineTests {
    @Test("of many attempts the picture shows the latest, and says of how many")
    func latest() throws {
        let page = TimelinePicture(try Self.entries(100)).html.source
        #expect(page.contains("The last 60 of 100 attempts; the table has them all."))
        #expect(page.contains("aria-label=\"The last 60 of 100 attempts, within 59.0 s; the table has them all\""))
        #expect(page.contains(">q99<") && page.contains(">q40<") && !page.contains(">q39<"))
    }

    @Test("of few attempts the picture shows all, and says no more than how many they are")
    func all() throws {
        let page = TimelinePicture(try Self.entries(60)).html.source
        #expect(page.contains("aria-label=\"60 attempts, within 59.0 s") && !page.contains("The last"))
        #expect(page.contains(">q0<") && page.contains(">q59<"))
    }

    /// One a second, each in a queue of its own.
    private static func entries(_ count: Int) throws -> [TraceEntry] {
        let attempts: [[String: Any]] = (0..<count).map { number in
            [
                "queue": "q\(number)", "message": "\(MessageID())", "attempt": 1, "sentAt": Double(number),
                "appendedAt": Double(number), "outcome": "waiting",
            ]
        }
        return try JSONDecoder().decode([TraceEntry].self, from: JSONSerialization.data(withJSONObject: attempts))
    }
}
