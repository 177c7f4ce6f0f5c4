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
}
