import Postgres

@testable import MessageQueue

/// The model of half messages: nobody hears them until they are committed, and then each who is to hear them does, once.
extension Model {
    func prepareHalf(_ message: Outgoing<Parcel>) {
        only([.halved])
        let made = change.halved.values.map(\.id)
        demand(made == [message.id.uuid], "prepared \(made)")
        demand(change.halved.values.allSatisfy { $0.turn == 0 && $0.isGood }, "prepared \(change.halved)")
        guard case .half(let receipt)? = answer else { return }
        demand(Array(change.halved.keys) == [receipt.number], "told \(receipt), prepared \(change.halved.keys)")
    }

    /// A copy for each who hears it, or nothing at all.
    func commitHalf(_ receipt: HalfReceipt) {
        judgeEnd(by: receipt)
        let messages = change.unhalved.values.map { half in
            Outgoing(Parcel(number: 0), id: MessageID(half.id), tag: half.tag)
        }
        arrive(messages, in: world.queues, beside: [.unhalved])
    }

    func rollbackHalf(_ receipt: HalfReceipt) {
        only([.unhalved])
        judgeEnd(by: receipt)
    }

    /// Only the receipt of the last turn ends a half message, and only in its time.
    private func judgeEnd(by receipt: HalfReceipt) {
        let half = before.halves[receipt.number]
        let isGood = half.map { $0.isGood && $0.turn == Int(receipt.turn) } ?? false
        demand(change.unhalved.isEmpty || isGood, "\(receipt) was not good")
        demand(change.unhalved.keys.allSatisfy { $0 == receipt.number }, "ended \(change.unhalved.keys)")
        guard case .count(let count)? = answer else { return }
        demand(count == change.unhalved.count, "told \(count), ended \(change.unhalved)")
        demand(!isAlone || (count == 1) == isGood, "told \(count) of \(half.map { "\($0)" } ?? "nothing")")
    }

    /// Each that is due is told to one, by a receipt of another turn.
    func checkHalves(limit: Int) {
        only([.asked])
        for (number, half) in change.asked {
            let known = before.halves[number]
            demand(known?.isGood == false && half.isGood, "asked about \(number), which was not due")
            demand(half.turn == (known?.turn ?? 0) + 1, "turn \(half.turn) after \(known?.turn ?? 0)")
        }
        guard case .halves(let told)? = answer else { return }
        let numbers = Set(told.map(\.receipt.number))
        demand(numbers == Set(change.asked.keys), "told \(numbers), asked about \(change.asked.keys)")
        demand(
            told.allSatisfy { change.asked[$0.receipt.number]?.turn == Int($0.receipt.turn) }, "told another turn")
        let due = before.halves.values.count { !$0.isGood }
        demand(told.count <= limit && (!isAlone || told.count == min(limit, due)), "told \(told.count) of \(due)")
    }
}

extension Scheduler {
    /// An hour passes for the receipts of half messages, unless somebody ends or asks for them just now.
    func endHalves() async throws {
        try await world.database.execute(
            """
            UPDATE mq.half_messages SET check_at = now() - interval '1 second' WHERE number IN (
                SELECT number FROM mq.half_messages WHERE check_at > now() ORDER BY number FOR UPDATE SKIP LOCKED)
            """)
    }

    /// What nobody has committed is dropped in the end.
    func rollBackHalves() async throws {
        try await endHalves()
        for half in try await world.janitor.halfMessages(
            of: Command.producers, in: World.topic.name, limit: 100, lasting: Command.later)
        where try await !world.janitor.rollback(half: half.receipt) {
            report("\(half.receipt) could not be rolled back")
        }
    }
}
