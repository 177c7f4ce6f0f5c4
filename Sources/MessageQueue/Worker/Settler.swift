import Postgres

/// Commits what became of messages: effects, follow-up messages and completions together.
///
/// A batch that can't be committed is halved until the one that spoils it stands alone, so that it holds nobody up. While
/// the database is away, the batch waits for it. In a queue that keeps order, messages behind one that failed are held back.
struct Settler<Work: Traced>: Sendable {
    let runtime: StepRuntime
    let commit: @Sendable ([Work], borrowing Session) throws -> Void

    /// How far a batch has come.
    struct Settlement {
        /// In a queue that keeps order, the keys whose later messages have to wait, with the one that they wait for.
        fileprivate(set) var blocked: [String: Receipt] = [:]
        /// Failures that could not be written down together with the others, and wait for nobody but themselves.
        fileprivate(set) var left: [Judged<Work>] = []
        /// Whether to wait until a failure can be written down, instead of leaving it.
        fileprivate let isPatient: Bool
    }

    func settle(_ batch: [Judged<Work>]) async {
        let left = await settleTogether(batch).left
        if !left.isEmpty { await settleWaiting(left) }
    }

    /// What is left then is still to be settled, by ``settleWaiting(_:)``.
    func settleTogether(_ batch: [Judged<Work>]) async -> Settlement {
        // Where order is kept nobody overtakes.
        var settlement = Settlement(isPatient: runtime.entry.order != nil)
        await settle(batch, &settlement)
        return settlement
    }

    func settleWaiting(_ left: [Judged<Work>]) async {
        var settlement = Settlement(isPatient: true)
        await settle(left, &settlement)
    }

    /// Of what could not be committed, nobody knows yet whom it blocks.
    private func settle(_ batch: [Judged<Work>], _ settlement: inout Settlement) async {
        var blocked = settlement.blocked
        let ordered = inOrder(batch, &blocked)
        guard let first = ordered.first else { return }
        let start = ContinuousClock.now
        do {
            let outcomes = Outcomes(of: ordered)
            let isPatient = settlement.isPatient && ordered.count == 1 && !first.isWork
            try await runtime.committing(outcomes) {
                try await runtime.commit(trying: isPatient ? .whileItMayPass : .aLittle) { try store(outcomes, in: $0) }
            }
            settlement.blocked = blocked
            runtime.metrics.committed(ordered.count, since: start)
            count(outcomes)
            record(outcomes)
        } catch let error as OutOfTime {
            giveUp(batch.map(\.message), because: error, &settlement)
        } catch  where batch.count > 1 {
            await settle(Array(batch[..<(batch.count / 2)]), &settlement)
            await settle(Array(batch[(batch.count / 2)...]), &settlement)
        } catch QueueError.leaseLost {
            loseLease(of: first.message, &settlement)
        } catch {
            await settleAlone(first, after: error, &settlement)
        }
    }

    private func settleAlone(_ one: Judged<Work>, after error: any Error, _ settlement: inout Settlement) async {
        if one.isWork {
            let verdict = runtime.policyVerdict(on: error, of: one.message)
            let failure = Judged<Work>(one.message, .fail(verdict), DeliveryOutcome(verdict, on: error))
            if settlement.isPatient { await settle([failure], &settlement) } else { settlement.left.append(failure) }
        } else if !settlement.isPatient {
            settlement.left.append(one)
        } else if let refusal = error as? PostgresError, refusal.refuses {
            await settle(refused: one, because: refusal, &settlement)
        } else {
            giveUp([one.message], because: error, &settlement)
        }
    }

    private enum Resort { case bury, putOff }

    /// What the server refuses is put in other words, then buried, and at last put off. Where the data need not be at fault, it is put
    /// off first: somebody may mend what is.
    private func settle(
        refused one: Judged<Work>, because refusal: PostgresError, _ settlement: inout Settlement
    ) async {
        if !refusal.refusesData {
            await settle(one.message, by: [.putOff, .bury], because: refusal, &settlement)
        } else if case .fail(let verdict) = one.decision, verdict != verdict.inASCII {
            await settle([Judged(one.message, .fail(verdict.inASCII), one.outcome)], &settlement)
        } else {
            await settle(one.message, by: [.bury, .putOff], because: refusal, &settlement)
        }
    }

    private func settle(
        _ message: ReceivedMessage, by resorts: ArraySlice<Resort>, because refusal: PostgresError,
        _ settlement: inout Settlement
    ) async {
        guard let resort = resorts.first else { return giveUp([message], because: refusal, &settlement) }
        do {
            try await runtime.commit(trying: .whileItMayPass) { write(resort, for: message, because: refusal, in: $0) }
            record(resort, for: message, because: refusal, &settlement)
        } catch QueueError.leaseLost {
            loseLease(of: message, &settlement)
        } catch let error as PostgresError where error.refuses {
            await settle(message, by: resorts.dropFirst(), because: error, &settlement)
        } catch {
            giveUp([message], because: error, &settlement)
        }
    }

    private func write(
        _ resort: Resort, for message: ReceivedMessage, because refusal: PostgresError, in session: borrowing Session
    ) {
        switch resort {
        case .bury: runtime.broker.finish(refused: message, because: refusal, in: session)
        case .putOff: runtime.broker.putOff(unburied: message, because: refusal, in: session)
        }
    }

    /// The key of what is buried is not blocked by it, since it can't be held; that of what is put off waits with it, where order is
    /// kept.
    private func record(
        _ resort: Resort, for message: ReceivedMessage, because refusal: PostgresError, _ settlement: inout Settlement
    ) {
        let (queue, id, error) = (runtime.queue, message.message.id, "\(refusal)")
        switch resort {
        case .bury:
            runtime.metrics.count(.refused)
            runtime.journal.record(.outcomeRefused(queue, id, error: error), of: message)
        case .putOff:
            runtime.metrics.count(.unburied)
            runtime.journal.record(.deadLetterRefused(queue, id, error: error), of: message)
            block([message], &settlement)
        }
    }

    private func loseLease(of message: ReceivedMessage, _ settlement: inout Settlement) {
        runtime.metrics.count(.leaseLost)
        runtime.journal.record(.leaseLost(runtime.queue, message.message.id), of: message)
        block([message], &settlement)
    }

    /// Nothing was changed: the messages are rescued once this process is gone.
    private func giveUp(_ messages: [ReceivedMessage], because error: any Error, _ settlement: inout Settlement) {
        runtime.journal.record(.commitDelayed(runtime.queue, error: "\(error)"))
        block(messages, &settlement)
    }

    // MARK: Order

    /// Blocks the keys of what failed, and holds back what comes after it.
    private func inOrder(_ messages: [Judged<Work>], _ blocked: inout [String: Receipt]) -> [Judged<Work>] {
        guard let order = runtime.entry.order else { return messages }
        return messages.map { judged in
            guard let key = judged.message.message.key else { return judged }
            if blocked[key] == nil, judged.blocksKey(under: order) { blocked[key] = judged.message.receipt }
            guard let blocker = blocked[key], blocker != judged.message.receipt else { return judged }
            return Judged(judged.message, .holdBack, .heldBack)
        }
    }

    private func block(_ messages: some Sequence<ReceivedMessage>, _ settlement: inout Settlement) {
        for message in messages {
            if let key = message.message.key, settlement.blocked[key] == nil {
                settlement.blocked[key] = message.receipt
            }
        }
    }

    // MARK: Commits

    private func store(_ outcomes: Outcomes<Work>, in session: borrowing Session) throws {
        let broker = runtime.broker
        // First of all that waits for the commit, before anybody is rung.
        if let onPhase = runtime.onPhase { session.afterCommit { onPhase(.afterCommit) } }
        if !outcomes.work.isEmpty {
            try runtime.middleware.commit(outcomes.done, in: session) { try commit(outcomes.work, $0) }
        }
        if !outcomes.done.isEmpty { broker.complete(outcomes.done, in: session) }
        broker.retry(outcomes.retries, in: session)
        broker.deadLetter(outcomes.rejections, in: session)
        broker.holdBack(outcomes.heldBack, in: session)
        for (delay, messages) in outcomes.releases { broker.release(messages, after: delay, in: session) }
        if let onPhase = runtime.onPhase {
            // What is queued would travel with COMMIT.
            try session.execute("SELECT")
            onPhase(.beforeCommit)
        }
    }

    private func count(_ outcomes: Outcomes<Work>) {
        runtime.metrics.count(.done, of: outcomes.done.count)
        for outcome in outcomes.otherThanDone { runtime.metrics.count(outcome) }
    }

    private func record(_ outcomes: Outcomes<Work>) {
        let queue = runtime.queue
        if !outcomes.done.isEmpty { runtime.journal.record(.done(queue, count: outcomes.done.count)) }
        for retry in outcomes.retries {
            runtime.journal.record(.retried(queue, retry.message.message.id, error: retry.error), of: retry.message)
        }
        for rejection in outcomes.rejections {
            let message = rejection.message
            runtime.journal.record(
                .deadLettered(queue, message.message.id, reason: rejection.reason, error: rejection.error), of: message)
        }
        let released = outcomes.releases.values.reduce(0) { $0 + $1.count }
        if released > 0 { runtime.journal.record(.released(queue, count: released)) }
        if !outcomes.heldBack.isEmpty { runtime.journal.record(.heldBack(queue, count: outcomes.heldBack.count)) }
    }
}
