import Postgres

/// One message with what has become of it.
struct Settlement<Work: Sendable>: Sendable {
    enum Verdict: Sendable {
        case success(Work)
        case failure(Judgement)
        /// Stands behind one of its key that failed, in a queue that keeps order.
        case held
    }

    let message: ReceivedMessage
    let verdict: Verdict

    /// Whether later messages of the same key have to wait.
    func blocksKey(under order: KeyOrder) -> Bool {
        switch verdict {
        case .success: false
        case .failure(.dead): order == .blockOnFailure
        case .failure, .held: true
        }
    }
}

/// Commits what became of messages: effects, follow-up messages and completions together.
///
/// A batch that can't be committed is halved until the one that spoils it stands alone, so that it holds nobody up. While
/// the database is away, the batch waits for it. In a queue that keeps order, messages behind one that failed are held back.
struct Settler<Work: Sendable>: Sendable {
    let runtime: StepRuntime
    let commit: @Sendable ([Work], borrowing Session) throws -> Void

    /// - Returns: in a queue that keeps order, the keys whose later messages have to wait.
    @discardableResult
    func settle(_ batch: [Settlement<Work>]) async -> Set<String> {
        var blocked: Blockers = [:]
        await settle(batch, &blocked)
        return Set(blocked.keys)
    }

    private func settle(_ messages: [Settlement<Work>], _ blocked: inout Blockers) async {
        let batch = inOrder(messages, &blocked)
        guard let first = batch.first else { return }
        let start = ContinuousClock.now
        do {
            let pile = Pile(batch)
            try await commitWaiting(pile)
            runtime.times.commit(since: start)
            record(pile)
        } catch is OutOfTime {
            // Nothing was changed: the messages are rescued once this process is gone.
            runtime.journal.record(.commitDelayed(runtime.queue, error: "the worker stops before the database is back"))
            block(batch.map(\.message), &blocked)
        } catch  where batch.count > 1 {
            await settle(Array(batch[..<(batch.count / 2)]), &blocked)
            await settle(Array(batch[(batch.count / 2)...]), &blocked)
        } catch QueueError.leaseLost {
            runtime.journal.record(.leaseLost(runtime.queue, first.message.message.id))
            block([first.message], &blocked)
        } catch {
            await settleAlone(first, after: error, &blocked)
        }
    }

    /// Blocks the keys of what failed, and holds back what comes after it.
    private func inOrder(_ messages: [Settlement<Work>], _ blocked: inout Blockers) -> [Settlement<Work>] {
        guard let order = runtime.entry.order else { return messages }
        return messages.map { settlement in
            guard let key = settlement.message.message.key else { return settlement }
            if blocked[key] == nil, settlement.blocksKey(under: order) { blocked[key] = settlement.message.receipt }
            guard let blocker = blocked[key], blocker != settlement.message.receipt else { return settlement }
            return Settlement(message: settlement.message, verdict: .held)
        }
    }

    /// By key, the message that the others of this key have to wait for.
    private typealias Blockers = [String: Receipt]

    private func block(_ messages: some Sequence<ReceivedMessage>, _ blocked: inout Blockers) {
        for message in messages {
            if let key = message.message.key, blocked[key] == nil { blocked[key] = message.receipt }
        }
    }

    private func settleAlone(_ one: Settlement<Work>, after error: any Error, _ blocked: inout Blockers) async {
        guard case .success = one.verdict else {
            // The failure itself can't be written down now. Nobody else may do it while this worker lives.
            runtime.journal.record(.commitDelayed(runtime.queue, error: "\(error)"))
            if runtime.isOutOfTime { return }
            try? await Task.sleep(for: .seconds(1) * Double.random(in: 0.8...1.2))
            return await settle([one], &blocked)
        }
        let judgement = runtime.judge(error, of: one.message)
        await settle([Settlement(message: one.message, verdict: .failure(judgement))], &blocked)
    }

    /// Goes on trying while the trouble is the connection, and for a while when it is a lock: that may come from one
    /// message of the batch, which must not hold up the others.
    private func commitWaiting(_ pile: Pile) async throws {
        var pause = Duration.milliseconds(50)
        var tries = 0
        while true {
            tries += 1
            do { return try await commitOnce(pile) } catch let error as PostgresError
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

    private func commitOnce(_ pile: Pile) async throws {
        let broker = runtime.broker
        let onPhase = runtime.onPhase
        try await broker.write { session in
            // First of all that waits for the commit, before anybody is rung.
            if let onPhase { session.afterCommit { onPhase(.afterCommit) } }
            if !pile.work.isEmpty { try commit(pile.work, session) }
            if !pile.done.isEmpty { broker.complete(pile.done, in: session) }
            broker.retry(pile.retries, in: session)
            broker.deadLetter(pile.rejections, in: session)
            broker.holdBack(pile.held, in: session)
            for (delay, messages) in pile.releases { broker.release(messages, after: delay, in: session) }
            if let onPhase {
                // What is queued would travel with COMMIT.
                try session.execute("SELECT")
                onPhase(.beforeCommit)
            }
        }
    }

    private func record(_ pile: Pile) {
        let queue = runtime.queue
        if !pile.done.isEmpty { runtime.journal.record(.done(queue, count: pile.done.count)) }
        for retry in pile.retries {
            runtime.journal.record(.retried(queue, retry.message.message.id, error: retry.error))
        }
        for rejection in pile.rejections {
            runtime.journal.record(.deadLettered(queue, rejection.message.message.id, reason: rejection.reason))
        }
        let released = pile.releases.values.reduce(0) { $0 + $1.count }
        if released > 0 { runtime.journal.record(.released(queue, count: released)) }
        if !pile.held.isEmpty { runtime.journal.record(.heldBack(queue, count: pile.held.count)) }
    }

    /// A batch, sorted by what has to be written.
    private struct Pile: Sendable {
        var work: [Work] = []
        var done: [ReceivedMessage] = []
        var retries: [Broker.Retry] = []
        var rejections: [Broker.Rejection] = []
        var releases: [Duration: [ReceivedMessage]] = [:]
        var held: [ReceivedMessage] = []

        init(_ batch: [Settlement<Work>]) {
            for settlement in batch {
                let message = settlement.message
                switch settlement.verdict {
                case .success(let one):
                    work.append(one)
                    done.append(message)
                case .failure(.retry(let delay, let error)): retries.append(.init(message, after: delay, error: error))
                case .failure(.dead(let reason, let error)):
                    rejections.append(.init(message, reason: reason, error: error))
                case .failure(.release(let delay)): releases[delay, default: []].append(message)
                case .held: held.append(message)
                }
            }
        }
    }
}
