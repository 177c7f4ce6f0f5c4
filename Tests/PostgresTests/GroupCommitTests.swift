import Postgres
import TestSupport
import Testing

@Suite("Group commit: alone at once, together under load")
struct GroupCommitTests {
    /// A commit that waits until it is let through, and tells of each group.
    private final class Station: Sendable {
        let groups: AsyncStream<[Int]>
        private let tell: AsyncStream<[Int]>.Continuation
        private let gate = Places(0)

        init() { (groups, tell) = AsyncStream.makeStream() }

        func commit(_ group: [Int]) async throws -> [Int] {
            tell.yield(group)
            await gate.take()
            return group.map { $0 * 10 }
        }

        func letThrough() { gate.giveBack() }
    }

    @Test(
        "a lone entry of a group commit is committed at once; those who come meanwhile go together, each with its own outcome"
    )
    func grouping() async throws {
        let station = Station()
        let commit = GroupCommit<Int, Int>(limit: 100) { try await station.commit($0) }
        var groups = station.groups.makeAsyncIterator()
        let first = Task { try await commit.submit(0) }
        #expect(await groups.next() == [0])
        // The line is taken, so these are queued by the time their task has run up to its first wait.
        let others = (1...50).map { number in Task.immediate { try await commit.submit(number) } }
        station.letThrough()
        #expect(try await first.value == 0)
        let second = await groups.next()
        #expect(second == Array(1...50))
        station.letThrough()
        for (index, other) in others.enumerated() { #expect(try await other.value == (index + 1) * 10) }
    }

    @Test("no group of a group commit is larger than its limit, and no entry is forgotten")
    func limit() async throws {
        let largest = Tally(0)
        let commit = GroupCommit<Int, Int>(limit: 7, lines: 3) { group in
            largest.change { $0 = max($0, group.count) }
            await Task.yield()
            return group
        }
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<1000 { group.addTask { try await commit.submit(number) == number } }
            for try await isRight in group { #expect(isRight) }
        }
        #expect(largest.value <= 7)
    }

    @Test("a group commit that fails fails for all of its group, and the next one is tried all the same")
    func failing() async throws {
        struct Broken: Error {}
        let commit = GroupCommit<Int, Int>(limit: 10) { group in
            if group.contains(3) { throw Broken() }
            return group
        }
        await #expect(throws: Broken.self) { try await commit.submit(3) }
        #expect(try await commit.submit(4) == 4)
    }

    @Test("group commits make fewer transactions than entries under load, and one each when idle")
    func real() async throws {
        try await Bench.with(.shoes, limit: 2) { database async throws in
            let commit = GroupCommit<Int32, Int>(limit: 500) { sizes in
                try await database.write { session in
                    session.pipeline(
                        "INSERT INTO shoe SELECT s, txid_current() FROM unnest($1::int[]) AS s", sizes)
                }
                return sizes.map { _ in 1 }
            }
            for size in Int32(1)...3 { #expect(try await commit.submit(size) == 1) }
            #expect(try await database.number("SELECT count(DISTINCT xact) FROM shoe") == 3)
            try await withThrowingTaskGroup(of: Int.self) { group in
                for size in Int32(10)..<1010 { group.addTask { try await commit.submit(size) } }
                for try await one in group { #expect(one == 1) }
            }
            #expect(try await database.number("SELECT count(*) FROM shoe") == 1003)
            #expect(try await database.number("SELECT count(DISTINCT xact) FROM shoe") < 1003)
        }
    }
}
