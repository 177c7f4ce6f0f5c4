/// One attempt of a message on its way through a step: decode, prepare, judge, settle.
///
/// Each station makes something further of what the one before it made. An error passes by the stations between it and the
/// judgement.
struct Attempt<Value: Sendable>: Sendable {
    let message: ReceivedMessage
    private let result: Result<Value, any Error>

    private func then<Next>(_ station: (Value) async throws -> Next) async -> Attempt<Next> {
        switch result {
        case .success(let value):
            do { return Attempt<Next>(message: message, result: .success(try await station(value))) } catch {
                return Attempt<Next>(message: message, result: .failure(error))
            }
        case .failure(let error): return Attempt<Next>(message: message, result: .failure(error))
        }
    }
}

extension Attempt where Value == ReceivedMessage {
    init(_ message: ReceivedMessage) { self.init(message: message, result: .success(message)) }

    consuming func decode<Payload>(as payload: Payload.Type, in runtime: StepRuntime) -> Attempt<Delivery<Payload>> {
        do {
            let delivery = try message.decoded(as: payload, within: runtime.tracing.context(of: message))
            return Attempt<Delivery<Payload>>(message: message, result: .success(delivery))
        } catch {
            return Attempt<Delivery<Payload>>(message: message, result: .failure(error))
        }
    }
}

extension Attempt {
    /// Lets the step talk to its third party, for as long as it may.
    func prepare<S: PreparingStep>(
        by step: S, within limit: TimeLimit, in runtime: StepRuntime
    ) async -> Attempt<PreparedDelivery<S.Payload, S.Prepared>> where Value == Delivery<S.Payload> {
        await then { delivery in
            let start = ContinuousClock.now
            defer { runtime.metrics.prepared(since: start) }
            return try await runtime.handling(message, sentIn: delivery.trace) { context in
                let delivery = delivery.within(context)
                let prepared = try await limit.enforce {
                    try await runtime.middleware.prepare(message) { try await step.prepare(delivery) }
                }
                return PreparedDelivery(delivery: delivery, prepared: prepared)
            }
        }
    }

    /// Decides what is to become of the message.
    consuming func judge(by runtime: StepRuntime) -> Judged<Value> {
        switch result {
        case .success(let work):
            runtime.breaker?.succeeded()
            runtime.onPhase?(.afterPrepare)
            return Judged(message, .commit(work), .done)
        case .failure(let error):
            let verdict = runtime.verdict(on: error, of: message)
            return Judged(message, .fail(verdict), Task.isCancelled ? .stopped : DeliveryOutcome(verdict, on: error))
        }
    }
}
