import Foundation
import Postgres

extension Step {
    public func run(in runtime: StepRuntime) async {
        let settler = Settler<Delivery<Payload>>(runtime: runtime) { try self.commit($0, in: $1) }
        // One slot per batch, however small: while they are all under way, more comes together in the queue.
        let slots = Slots(options.concurrency)
        let most = options.batch
        await withDiscardingTaskGroup { group in
            await runtime.pump(
                most: most,
                room: {
                    _ = await slots.take(upTo: 1)
                    return most
                },
                giveBack: { missing in if missing == most { slots.giveBack(1) } }
            ) { messages in
                group.addTask {
                    await uncancelled { await settler.settle(messages.map { runtime.decoded($0) }) }
                    slots.giveBack(1)
                }
            }
        }
    }
}

extension PreparingStep {
    public func run(in runtime: StepRuntime) async {
        typealias Work = PreparedDelivery<Payload, Prepared>
        let settler = Settler<Work>(runtime: runtime) { try self.commit($0, in: $1) }
        let settlements = GroupCommit<Settlement<Work>, Bool>(
            limit: options.batch, lines: 1, linger: Linger(factor: 4, longest: .milliseconds(50))
        ) { batch in
            let blocked = await settler.settle(batch)
            return batch.map { $0.message.message.key.map(blocked.contains) ?? false }
        }
        let slots = Slots(options.concurrency)
        let limit = TimeLimit(options.limit)
        await watching(limit) {
            await withDiscardingTaskGroup { group in
                await runtime.pump(
                    most: options.concurrency,
                    room: { await slots.take(upTo: options.concurrency) }, giveBack: slots.giveBack
                ) { messages in
                    for chain in runtime.chains(of: messages) {
                        group.addTask {
                            var isBlocked = false
                            for message in chain {
                                let settlement =
                                    isBlocked
                                    ? Settlement(message: message, verdict: .held)
                                    : await prepared(message, in: runtime, within: limit)
                                do { isBlocked = try await settlements.submit(settlement) } catch {
                                    runtime.journal.record(.commitDelayed(runtime.queue, error: "\(error)"))
                                }
                                slots.giveBack(1)
                            }
                        }
                    }
                }
            }
        }
    }

    private func watching(_ limit: TimeLimit, _ body: () async -> Void) async {
        await withTaskGroup(of: Void.self) { watch in
            watch.addTask { await limit.watch() }
            await body()
            watch.cancelAll()
        }
    }

    private func prepared(
        _ message: ReceivedMessage, in runtime: StepRuntime, within limit: TimeLimit
    ) async -> Settlement<PreparedDelivery<Payload, Prepared>> {
        let start = ContinuousClock.now
        defer { runtime.times.preparation(since: start) }
        do {
            let delivery = try Delivery<Payload>(decoding: message)
            let prepared = try await limit.hold { try await prepare(delivery) }
            runtime.breaker?.succeeded()
            runtime.onPhase?(.afterPrepare)
            return Settlement(
                message: message, verdict: .success(PreparedDelivery(delivery: delivery, prepared: prepared)))
        } catch {
            let judgement = runtime.protected(runtime.verdict(on: error, of: message), after: error)
            return Settlement(message: message, verdict: .failure(judgement))
        }
    }
}

extension Delivery {
    init(decoding message: ReceivedMessage) throws {
        received = message
        do { payload = try Payloads.decode(Payload.self, from: message.message.body) } catch {
            throw UnreadablePayload(reason: "\(error)")
        }
    }
}

extension StepRuntime {
    fileprivate func decoded<Payload>(_ message: ReceivedMessage) -> Settlement<Delivery<Payload>> {
        do {
            let delivery = try Delivery<Payload>(decoding: message)
            onPhase?(.afterPrepare)
            return Settlement(message: message, verdict: .success(delivery))
        } catch {
            return Settlement(message: message, verdict: .failure(verdict(on: error, of: message)))
        }
    }

    /// What has to be handled one after the other, each in a chain; in a queue without order every message by itself.
    fileprivate func chains(of messages: [ReceivedMessage]) -> [[ReceivedMessage]] {
        guard entry.order != nil else { return messages.map { [$0] } }
        var chains: [[ReceivedMessage]] = []
        var chainOfKey: [String: Int] = [:]
        for message in messages {
            if let key = message.message.key, let chain = chainOfKey[key] {
                chains[chain].append(message)
            } else {
                if let key = message.message.key { chainOfKey[key] = chains.count }
                chains.append([message])
            }
        }
        return chains
    }

    /// Tells the breaker, which spares messages while the third party is down.
    fileprivate func protected(_ judgement: Judgement, after error: any Error) -> Judgement {
        guard let breaker else { return judgement }
        if Task.isCancelled || error is UnreadablePayload {
            breaker.endedOtherwise()
            return judgement
        }
        switch (error as? any StepFailure)?.disposition ?? .retry {
        case .retry, .retryAfter: return breaker.soften(judgement, of: error)
        case .deadLetter, .snooze:
            breaker.succeeded()
            return judgement
        }
    }

    /// What ends with the worker's own stop is no failure of the message.
    fileprivate func verdict(on error: any Error, of message: ReceivedMessage) -> Judgement {
        if Task.isCancelled { return .release(after: .zero) }
        return judge(error, of: message)
    }
}

/// Runs `action` to its end, whatever happens to the calling task meanwhile.
private func uncancelled(_ action: @escaping @Sendable () async -> Void) async {
    // Awaited here: a new task, since cancellation must not tear a commit.
    await Task { await action() }.value
}
