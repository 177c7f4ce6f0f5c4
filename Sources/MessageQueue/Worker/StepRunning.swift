import Foundation
import Postgres

extension Step {
    public func run(in runtime: StepRuntime) async {
        let settler = Settler<Delivery<Payload>>(runtime: runtime) { try self.commit($0, in: $1) }
        let slots = Slots(options.batch * options.concurrency)
        await withDiscardingTaskGroup { group in
            await runtime.pump(
                room: { await slots.take(upTo: options.batch) }, giveBack: slots.giveBack
            ) { messages in
                for message in messages { runtime.recordPickup(of: message) }
                group.addTask {
                    await uncancelled { await settler.settle(messages.map { runtime.decoded($0) }) }
                    slots.giveBack(messages.count)
                }
            }
        }
    }
}

extension PreparingStep {
    public func run(in runtime: StepRuntime) async {
        typealias Work = PreparedDelivery<Payload, Prepared>
        let settler = Settler<Work>(runtime: runtime) { try self.commit($0, in: $1) }
        let settlements = GroupCommit<Settlement<Work>, Bool>(limit: options.batch, lines: 2) { batch in
            let blocked = await settler.settle(batch)
            return batch.map { $0.message.message.key.map(blocked.contains) ?? false }
        }
        let slots = Slots(options.concurrency)
        await withDiscardingTaskGroup { group in
            await runtime.pump(
                room: { await slots.take(upTo: options.concurrency) }, giveBack: slots.giveBack
            ) { messages in
                for chain in runtime.chains(of: messages) {
                    group.addTask {
                        var isBlocked = false
                        for message in chain {
                            let settlement =
                                isBlocked
                                ? Settlement(message: message, verdict: .held) : await prepared(message, in: runtime)
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

    private func prepared(
        _ message: ReceivedMessage, in runtime: StepRuntime
    ) async -> Settlement<PreparedDelivery<Payload, Prepared>> {
        runtime.recordPickup(of: message)
        let start = ContinuousClock.now
        defer { runtime.journal.preparation(start.secondsUntilNow, of: runtime.queue) }
        do {
            let delivery = try Delivery<Payload>(decoding: message)
            let prepared = try await within(options.limit) { try await prepare(delivery) }
            runtime.breaker?.succeeded()
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
            return Settlement(message: message, verdict: .success(try Delivery<Payload>(decoding: message)))
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

    fileprivate func recordPickup(of message: ReceivedMessage) {
        journal.pickup(Wall.now - message.appendedAt.timeIntervalSince1970, of: queue)
    }
}

/// Runs `action` to its end, whatever happens to the calling task meanwhile.
private func uncancelled(_ action: @escaping @Sendable () async -> Void) async {
    // Awaited here: a new task, since cancellation must not tear a commit.
    await Task { await action() }.value
}

/// Cancels `action` once the limit has passed.
private func within<T: Sendable>(_ limit: Duration, _ action: @escaping @Sendable () async throws -> T) async throws
    -> T
{
    try await withThrowingTaskGroup(of: T.self) { group in
        group.addTask { try await action() }
        group.addTask {
            try await Task.sleep(for: limit)
            throw StepTimedOut(limit: limit)
        }
        defer { group.cancelAll() }
        guard let first = try await group.next() else { throw CancellationError() }
        return first
    }
}
