import MessageQueue
import Postgres
import TestSupport
import Testing

@testable import QueueDesk

@Suite("What all open pages look at", .timeLimit(.minutes(5)))
struct ReadingsTests {
    @Test("a reading that began before a change is told to nobody who asks after it, however late it comes to its end")
    func change() async throws {
        try await TestDatabase.with(.desk) { database in
            let desk = QueueDesk(Broker(database), options: .init(access: .loopback(as: "ada")))
            let holder = try await Connection.open(database.conninfo)
            func waiting(_ count: Int) async throws -> Bool {
                try await holder.query(
                    """
                    SELECT 1 FROM pg_locks JOIN pg_database d ON d.oid = database
                    WHERE NOT granted AND relation = 'mq.consumers'::regclass AND datname = current_database()
                    """
                ) { _ in }.count == count
            }
            try await holder.script("BEGIN; LOCK TABLE mq.consumers IN ACCESS EXCLUSIVE MODE")
            async let before = desk.readings.current()
            try await eventually("it has read the queues, and waits for the workers") { try await waiting(1) }
            try await desk.broker.pause("payment")
            await desk.readings.forgetReading()
            async let after = desk.readings.current()
            try await eventually("another one is taken") { try await waiting(2) }
            try await holder.script("COMMIT")
            let (old, new) = try await (before, after)
            #expect(old.queue("payment")?.isPaused == false && new.queue("payment")?.isPaused == true)
            let kept = try await desk.readings.current(notOlderThan: .seconds(600))
            #expect(kept.queue("payment")?.isPaused == true)
            await holder.close()
        }
    }
}
