import Foundation
import ShoeShop

/// The customers of a run. Each acts when its time has come, whatever became of those before.
struct Crowd: Sendable {
    let wishes: [Wish]
    /// How long one asks again, in seconds of the real clock.
    let patience: Double
    let calls: ShopCalls
    let clock: StoryClock
    let notes: CustomerNotes

    /// Returns when the last customer has an answer or has given up.
    ///
    /// - Throws: `CancellationError`.
    func run() async throws {
        try await withThrowingDiscardingTaskGroup { group in
            for wish in wishes {
                try await clock.wait(until: wish.due)
                group.addTask { await serve(wish) }
            }
        }
    }

    private func serve(_ wish: Wish) async {
        if wish.isTwice {
            async let second = submitted(wish)
            let first = await submitted(wish)
            check(first, await second)
            return await settle(first, wish)
        }
        await settle(await submitted(wish), wish)
    }

    private struct Answer {
        let end: CustomerCall.End
        let order: OrderID?
        let requests: Int
    }

    /// Asks until there is an answer, or patience ends.
    private func submitted(_ wish: Wish) async -> Answer {
        let end = clock.now + patience
        var requests = 0
        while true {
            requests += 1
            switch await calls.submit(wish.body, key: wish.key) {
            case .yes(let order): return Answer(end: .accepted, order: order, requests: requests)
            case .no: return Answer(end: .refused, order: nil, requests: requests)
            case .trouble: break
            }
            guard clock.now < end, !Task.isCancelled else {
                return Answer(end: .failed, order: nil, requests: requests)
            }
            // A person who tries again; cancellation ends the pause, and then the loop.
            try? await Task.sleep(for: .milliseconds(.random(in: 100...300)))
        }
    }

    private func settle(_ answer: Answer, _ wish: Wish) async {
        let due = clock.real(wish.due)
        if wish.kind == .nonsense {
            if answer.end == .accepted { notes.noteViolation("nonsense was accepted as order \(name(answer.order))") }
            return
        }
        if answer.end == .accepted, answer.order == nil { notes.noteViolation("an order was accepted without an id") }
        notes.note(
            CustomerCall(due: due, latency: clock.now - due, end: answer.end, requests: answer.requests),
            accepted: answer.order)
        if let order = answer.order, let wait = wish.cancelAfter { await cancel(order, after: wait) }
    }

    private func check(_ first: Answer, _ second: Answer) {
        guard let one = first.order, let other = second.order, one != other else { return }
        notes.noteViolation("one idempotency key made two orders: \(one) and \(other)")
    }

    private func cancel(_ order: OrderID, after wait: Double) async {
        try? await Task.sleep(for: .seconds(clock.real(wait)))
        let end = clock.now + patience
        while !Task.isCancelled {
            switch await calls.cancel(order) {
            case .yes: return notes.noteCancelled(order)
            case .no: return
            case .trouble where clock.now < end: try? await Task.sleep(for: .milliseconds(.random(in: 100...300)))
            case .trouble: return
            }
        }
    }

    private func name(_ order: OrderID?) -> String { order.map { "\($0)" } ?? "without an id" }
}
