import Postgres

/// Commits what became of messages: effects, follow-up messages and completions together.
///
/// A batch that can't be committed is halved until the one that spoils it stands alone, so that it holds nobody up. While
/// the database is away, the batch waits for it. In a queue that keeps order, messages behind one that failed are held back.
struct Settler<Work: Sendable>: Sendable {
    let runtime: StepRuntime
    let commit: @Sendable ([Work], borrowing Session) throws -> Void

    /// - Returns: in a queue that keeps order, the keys whose later messages have to wait.
    @discardableResult
    func settle(_ batch: [Judged<Work>]) async -> Set<String> {
        var blocked: Blockers = [:]
        await settle(batch, &blocked)
        return Set(blocked.keys)
    }

    private func settle(_ messages: [Judged<Work>], _ blocked: inout Blockers) async {
        let batch = inOrder(messages, &blocked)
        guard let first = batch.first else { return }
        let start = ContinuousClock.now
        do {
            let outcomes = Outcomes(of: batch)
            try await commitWaiting(outcomes)
            runtime.metrics.committed(batch.count, since: start)
            count(batch)
            record(outcomes)
        } catch is OutOfTime {
            // Nothing was changed: the messages are rescued once this process is gone.
            runtime.journal.record(.commitDelayed(runtime.queue, error: "the worker stops before the database is back"))
            block(batch.map(\.message), &blocked)
        } catch  where batch.count > 1 {
            await settle(Array(batch[..<(batch.count / 2)]), &blocked)
            await settle(Array(batch[(batch.count / 2)...]), &blocked)
        } catch QueueError.leaseLost {
            runtime.metrics.count(.leaseLost)
            runtime.journal.record(.leaseLost(runtime.queue, first.message.message.id))
            block([first.message], &blocked)
        } catch {
            await settleAlone(first, after: error, &blocked)
        }
    }

    /// Blocks the keys of what failed, and holds back what comes after it.
    private func inOrder(_ messages: [Judged<Work>], _ blocked: inout Blockers) -> [Judged<Work>] {
        guard let order = runtime.entry.order else { return messages }
        return messages.map { judged in
            guard let key = judged.message.message.key else { return judged }
            if blocked[key] == nil, judged.blocksKey(under: order) { blocked[key] = judged.message.receipt }
            guard let blocker = blocked[key], blocker != judged.message.receipt else { return judged }
            return Judged(judged.message, .holdBack, .heldBack)
        }
    }

    /// By key, the message that the others of this key have to wait for.
    private typealias Blockers = [String: Receipt]

    private func block(_ messages: some Sequence<ReceivedMessage>, _ blocked: inout Blockers) {
        for message in messages {
            if let key = message.message.key, blocked[key] == nil { blocked[key] = message.receipt }
        }
    }

    private func settleAlone(_ one: Judged<Work>, after error: any Error, _ blocked: inout Blockers) async {
        guard case .commit = one.decision else {
            // The failure itself can't be written down now. Nobody else may do it while this worker lives.
            runtime.journal.record(.commitDelayed(runtime.queue, error: "\(error)"))
            if runtime.isOutOfTime { return }
            try? await Task.sleep(for: .seconds(1) * Double.random(in: 0.8...1.2))
            return await settle([one], &blocked)
        }
        let verdict = runtime.policyVerdict(on: error, of: one.message)
        await settle([Judged(one.message, .fail(verdict), DeliveryOutcome(verdict, on: error))], &blocked)
    }

    /// Goes on trying while the trouble is the connection, and for a while when it is a lock: that may come from one
    /// message of the batch, which must not hold up the others.
    private func commitWaiting(_ outcomes: Outcomes<Work>) async throws {
        var pause = Duration.milliseconds(50)
        var tries = 0
        while true {
            tries += 1
            do { return try await commitOnce(outcomes) } catch let error as PostgresError
                where error.isConnectionTrouble || error.isRetryable && tries < 4
            {
                runtime.journal.record(.commitDelayed(runtime.queue, error: "\(error)"))
                if runtime.isOutOfTime { throw OutOfTime() }
                try await Task.sleep(for: pause * Double.random(in: 0.8...1.2))
                pause = min(pause * 2, .seconds(2))
            }
        }
    }

    private struct OutOfTime: Error {}

    private func commitOnce(_ outcomes: Outcomes<Work>) async throws {
        let broker = runtime.broker
        let onPhase = runtime.onPhase
        try await broker.write { session in
            // First of all that waits for the commit, before anybody is rung.
            if let onPhase { session.afterCommit { onPhase(.afterCommit) } }
            if !outcomes.work.isEmpty { try commit(outcomes.work, session) }
            if !outcomes.done.isEmpty { broker.complete(outcomes.done, in: session) }
            broker.retry(outcomes.retries, in: session)
            broker.deadLetter(outcomes.rejections, in: session)
            broker.holdBack(outcomes.heldBack, in: session)
            for (delay, messages) in outcomes.releases { broker.release(messages, after: delay, in: session) }
            if let onPhase {
                // What is queued would travel with COMMIT.
                try session.execute("SELECT")
                onPhase(.beforeCommit)
            }
        }
    }

    private func count(_ batch: [Judged<Work>]) {
        let counts: [DeliveryOutcome: Int] = batch.reduce(into: [:]) { $0[$1.outcome, default: 0] += 1 }
        for (outcome, count) in counts { runtime.metrics.count(outcome, of: count) }
    }

    private func record(_ outcomes: Outcomes<Work>) {
        let queue = runtime.queue
        if !outcomes.done.isEmpty { runtime.journal.record(.done(queue, count: outcomes.done.count)) }
        for retry in outcomes.retries {
            runtime.journal.record(.retried(queue, retry.message.message.id, error: retry.error))
        }
        for rejection in outcomes.rejections {
            runtime.journal.record(.deadLettered(queue, rejection.message.message.id, reason: rejection.reason))
        }
        let released = outcomes.releases.values.reduce(0) { $0 + $1.count }
        if released > 0 { runtime.journal.record(.released(queue, count: released)) }
        if !outcomes.heldBack.isEmpty { runtime.journal.record(.heldBack(queue, count: outcomes.heldBack.count)) }
    }
}
