import Testing

@testable import MessageQueue

@Suite("A bell", .timeLimit(.minutes(10)))
struct BellTests {
    @Test("a bell ends a wait that is over before it has begun, and no later one")
    func shortest() async {
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    let bell = Bell()
                    for round in 0..<5_000 {
                        await bell.wait(atMost: round.isMultiple(of: 2) ? .zero : .microseconds(1))
                    }
                }
            }
        }
    }

    @Test("a bell that is rung while nobody waits is heard by whoever waits next, once")
    func kept() async {
        let bell = Bell()
        bell.ring()
        await bell.wait(atMost: .seconds(3600))
        let wait = Task { await bell.wait(atMost: .seconds(3600)) }
        bell.ring()
        await wait.value
        let cancelled = Task { await bell.wait(atMost: .seconds(3600)) }
        cancelled.cancel()
        await cancelled.value
    }

    @Test("whoever waits until the rings so far are out goes on, however steadily others ring", .timeLimit(.minutes(1)))
    func flush() async throws {
        try await Bench.with { bench in
            await withTaskGroup(of: Void.self) { group in
                let began = Bell()
                group.addTask {
                    while !Task.isCancelled {
                        bench.broker.doorbell.ring([bench.queue])
                        began.ring()
                        try? await Task.sleep(for: .microseconds(100))
                    }
                }
                await began.wait(atMost: .seconds(60))
                for _ in 0..<10 { await bench.broker.flush() }
                group.cancelAll()
            }
        }
    }
}
