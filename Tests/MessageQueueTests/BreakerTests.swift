import Foundation
import Postgres
import TestSupport
import Testing

@testable import MessageQueue

@Suite("A breaker stops claiming while the third party is down", .timeLimit(.minutes(10)))
struct BreakerTests {
    private struct Down: Error {}
    private static let settings = CircuitBreaker(threshold: 3, pause: .seconds(1), cap: .seconds(3))

    @Test(
        "a breaker opens after so many failures in a row, probes after the pause, doubles it, and closes at the first success"
    )
    func states() {
        var state = BreakerState(Self.settings)
        let start = ContinuousClock.now
        #expect(state.admit(at: start) == .all)
        #expect(state.failed(at: start) == .counts)
        #expect(state.failed(at: start) == .counts)
        #expect(state.failed(at: start) == .opens)
        #expect(state.failed(at: start) == .spared(until: start + .seconds(1)))
        #expect(state.admit(at: start) == .none(until: start + .seconds(1)))
        #expect(state.admit(at: start + .seconds(1)) == .one)
        #expect(state.admit(at: start + .seconds(1)) == .one, "nothing was there to probe with")
        state.started()
        #expect(state.admit(at: start + .seconds(1)) == .none(until: nil))
        #expect(state.failed(at: start + .seconds(1)) == .spared(until: start + .seconds(3)))
        #expect(state.admit(at: start + .seconds(3)) == .one)
        state.started()
        #expect(
            state.failed(at: start + .seconds(3)) == .spared(until: start + .seconds(6)), "three seconds at the most")
        #expect(state.admit(at: start + .seconds(6)) == .one)
        state.started()
        state.endedOtherwise()
        #expect(state.admit(at: start + .seconds(6)) == .one, "a probe that tells nothing is followed by another")
        state.started()
        let closed = state.succeeded()
        #expect(closed)
        #expect(state.admit(at: start) == .all)
        #expect(state.failed(at: start) == .counts, "it begins to count anew")
    }

    @Test("a success between failures makes a breaker begin its count anew")
    func interrupted() {
        var state = BreakerState(Self.settings)
        for _ in 0..<10 {
            #expect(state.failed(at: .now) == .counts)
            #expect(state.failed(at: .now) == .counts)
            let closed = state.succeeded()
            #expect(!closed)
        }
    }

    @Test(
        "with a breaker an outage burns no more attempts than it takes to notice it, and everything is handled afterwards"
    )
    func outage() async throws {
        let settings = QueueSettings(retry: RetryPolicy(attempts: 5, base: .milliseconds(1), cap: .milliseconds(5)))
        try await Bench.with(settings) { bench in
            try await bench.createEffects()
            let isUp = Tally(false)
            let calls = Tally(0)
            var step = Polish { _ in
                calls.change { $0 += 1 }
                if !isUp.value { throw Down() }
            }
            step.options.breaker = CircuitBreaker(threshold: 4, pause: .milliseconds(5), cap: .milliseconds(20))
            try await bench.send(60)
            try await bench.work([step]) { log in
                try await log.wait("opened") { events in
                    events.contains { if case .breakerOpened = $0 { true } else { false } }
                }
                // Enough probes to exhaust every attempt, if they burned any.
                try await eventually("many probes") { calls.value > 60 }
                isUp.change { $0 = true }
                try await log.done(60)
                try await log.wait("closed") { $0.contains(.breakerClosed("shoes")) }
                #expect(log.events.deadReasons.isEmpty)
            }
            #expect(try await bench.effects() == [60, 0])
            let burned = try await bench.number("SELECT count(*) FROM mq.completions WHERE outcome = 'r'")
            #expect(burned <= 4, "\(burned) attempts were burned")
            #expect(try await bench.audit() == [])
        }
    }

    @Test("answers on purpose, such as a dead letter, show a breaker that the third party is there")
    func purpose() async throws {
        struct Refused: StepFailure {
            var disposition: Disposition { .deadLetter(reason: "refused") }
        }
        try await Bench.with { bench in
            try await bench.createEffects()
            var step = Polish { if $0.payload.size < 20 { throw Refused() } }
            step.options.breaker = CircuitBreaker(threshold: 1)
            try await bench.send(40)
            try await bench.work([step]) { log in
                try await log.done(20)
                try await eventually("the others are dead letters") { log.events.deadReasons.count == 20 }
                let opened = log.events.contains { if case .breakerOpened = $0 { true } else { false } }
                #expect(!opened)
            }
        }
    }
}
