import NIOCore
import Synchronization

/// The fault of one provider, asked for at every request.
final class FaultSwitch: Sendable {
    /// Tells a fault from those before and after it.
    typealias Generation = Int

    struct Strike {
        let mode: Fault.Mode
        let latencyMilliseconds: Int
        let generation: Generation
    }

    private struct State {
        var fault: Fault?
        var generation = 0
        var passing = 0
        /// Of flapping: from here on the door keeps requests out, and who comes through is served.
        var isFlapping = false
        var hanging: [ObjectIdentifier: any Channel] = [:]
    }

    private let state = Mutex(State())

    var current: Fault? { state.withLock { $0.fault } }
    var generation: Generation { state.withLock { $0.generation } }

    /// Puts another fault, or none, into force, and cuts the connections that hung on the last one.
    func replace(by fault: Fault?) -> Generation {
        let (generation, hanging) = state.withLock { state in
            defer { state.hanging = [:] }
            state.fault = fault
            state.passing = fault?.afterRequests ?? 0
            state.isFlapping = fault?.mode == .flapping && state.passing == 0
            state.generation += 1
            return (state.generation, state.hanging)
        }
        for channel in hanging.values { channel.close(promise: nil) }
        return generation
    }

    /// Whether and how the fault strikes the request that just came.
    func strike() -> Strike? {
        state.withLock { state in
            guard let fault = state.fault else { return nil }
            guard state.passing == 0 else {
                state.passing -= 1
                return nil
            }
            guard !state.isFlapping, fault.rate == 1 || Double.random(in: 0..<1) < fault.rate else { return nil }
            state.isFlapping = fault.mode == .flapping
            return Strike(
                mode: fault.mode, latencyMilliseconds: fault.latencyMilliseconds, generation: state.generation)
        }
    }

    /// Returns when the fault was replaced, the client went away, or the task is cancelled.
    func hang(on channel: any Channel, since generation: Generation) async throws {
        let hangs = state.withLock { state in
            guard state.generation == generation else { return false }
            state.hanging[ObjectIdentifier(channel)] = channel
            return true
        }
        guard hangs else { return }
        defer { _ = state.withLock { $0.hanging.removeValue(forKey: ObjectIdentifier(channel)) } }
        try await withTaskCancellationHandler {
            try await channel.closeFuture.get()
        } onCancel: {
            channel.close(promise: nil)
        }
    }
}
