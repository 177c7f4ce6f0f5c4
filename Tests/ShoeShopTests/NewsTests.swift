import MessageQueue
import Postgres
import TestSupport
import Testing

@testable import ShoeShop

@Suite("Looks for news of timelines")
struct NewsTests {
    @Test("after a mark of another server, or of a time that the server has not seen, news are not told as complete")
    func foreignMarks() async throws {
        try await TestDatabase.with(.openShop) { database in
            let reader = TimelineReader(database)
            let start = try await reader.news(since: nil)
            #expect(!start.isComplete && start.events.isEmpty)
            let broker = Broker(database)
            try await database.write { session in
                _ = try SubmitOrders(broker).commit([Submission(draft: .good, key: nil, body: [])], in: session)
            }
            let news = try await reader.news(since: start.mark)
            #expect(news.isComplete && news.events.map(\.milestone) == [.received])

            let next = try #require(start.mark.snapshot.split(separator: ":").dropFirst().first.flatMap { Int64($0) })
            let future = next + 1_000_000
            let marks = [
                TimelineMark(snapshot: "\(future):\(future):", server: start.mark.server),
                TimelineMark(snapshot: start.mark.snapshot, server: "another"),
            ]
            for mark in marks {
                let news = try await reader.news(since: mark)
                #expect(!news.isComplete && news.events.isEmpty, "\(mark)")
                #expect(try await reader.news(since: news.mark).isComplete, "\(mark)")
            }
        }
    }
}
