import Testing

@testable import MessageQueue

@Suite("Lost consumers")
struct LostConsumersTests {
    /// Looks at one database.
    private struct Watch {
        var state = LostConsumers()
        let origin: Origin

        init() throws { origin = try Origin("1 here") }

        mutating func look(
            unlocked: Set<Int64> = [], silent: Set<Int64> = [], lockless: Set<Int64> = []
        ) -> LostConsumers.Conclusion {
            state.conclude(from: Broker.Gone(unlocked: unlocked, silent: silent, lockless: lockless), at: origin)
        }

        /// The longest that it may be until the next look.
        var pause: Duration { state.pause * Broker.jitter.upperBound }
    }

    @Test("a consumer whose lock is free at two looks in a row is lost")
    func lost() throws {
        var watch = try Watch()
        #expect(watch.look(unlocked: [7]) == .init())
        #expect(watch.look(unlocked: [7]) == .init(lost: [7]))
    }

    @Test("a consumer that holds its lock again at the second look is not lost, nor suspected any longer")
    func back() throws {
        var watch = try Watch()
        #expect(watch.look(unlocked: [7]) == .init())
        #expect(watch.look() == .init())
        #expect(watch.look(unlocked: [7]) == .init())
    }

    @Test("from a consumer's death to the second look at its lock less than three seconds pass, however pauses vary")
    func soon() throws {
        var watch = try Watch()
        let untilFirst = watch.pause
        #expect(watch.look(unlocked: [7]).lost.isEmpty)
        let untilSecond = watch.pause
        #expect(watch.look(unlocked: [7]).lost == [7])
        #expect(untilFirst + untilSecond < .seconds(3))
    }

    @Test("from a pooled consumer's last heartbeat to the look that gives it up less than thirteen seconds pass")
    func soonWithoutLock() throws {
        var watch = try Watch()
        var passed = Consumer.longestSilence
        repeat { passed += watch.pause } while watch.look(silent: [7], lockless: [7]).lost.isEmpty
        #expect(passed < .seconds(13))
    }

    @Test("a consumer without a lock is lost at the third look that finds it silent")
    func pooled() throws {
        var watch = try Watch()
        #expect(watch.look(silent: [7], lockless: [7]) == .init())
        #expect(watch.look(silent: [7], lockless: [7]) == .init())
        #expect(watch.look(silent: [7], lockless: [7]) == .init(lost: [7], silent: [7]))
    }

    @Test("a silent consumer that holds its lock keeps its number, and what it held is taken once")
    func stopped() throws {
        var watch = try Watch()
        #expect(watch.look(silent: [7]) == .init())
        #expect(watch.look(silent: [7]) == .init())
        #expect(watch.look(silent: [7]) == .init(silent: [7]))
        watch.state.tookEverything(from: [7])
        #expect(watch.look(silent: [7]) == .init())
    }

    @Test("when a silent consumer's messages could not be taken, the next look tries again")
    func failed() throws {
        var watch = try Watch()
        for _ in 1...2 { _ = watch.look(silent: [7]) }
        #expect(watch.look(silent: [7]) == .init(silent: [7]))
        #expect(watch.look(silent: [7]) == .init(silent: [7]))
    }

    @Test("a number that was suspected in one database is not suspected in another")
    func elsewhere() throws {
        var watch = try Watch()
        _ = watch.look(unlocked: [7])
        let gone = Broker.Gone(unlocked: [7], silent: [], lockless: [])
        #expect(watch.state.conclude(from: gone, at: try Origin("2 elsewhere")) == .init())
    }
}
