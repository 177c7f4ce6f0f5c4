import Foundation
import Launch
import Logging
import Metrics
import NIOCore
import NIOHTTP1
import ServiceLifecycle

/// A third party over HTTP: a door, a desk behind it, and the faults that come between.
final class Provider: Service {
    let name: String
    let desk: any Desk
    private let faults: FaultSwitch
    private let door: Door
    private let logger: Logger
    private let answering: Metrics.Timer
    private let (changes, changing) = AsyncStream.makeStream(of: Change.self)

    private enum Change {
        case replace(by: Fault?, done: CheckedContinuation<Void, any Error>)
        case expire(FaultSwitch.Generation)
        case outage(FaultSwitch.Generation)
    }

    /// Reads the ledger and opens the door: it listens when this returns.
    init<B: Book>(_ name: String, _: B.Type, _ port: Setting<PortNumber>, _ context: Context) async throws {
        let settings = context.settings
        let file = URL(filePath: settings[SandboxSettings.data]).appending(path: "\(name).jsonl")
        self.name = name
        logger = context.logger
        answering = Timer(label: "sandbox.answer", dimensions: [("provider", name)])
        faults = FaultSwitch()
        desk = LedgerDesk(ledger: try Ledger<B>(file, fsync: settings[SandboxSettings.fsync], logger: logger))
        door = try Door(host: settings[Settings.host], port: settings[port])
        context.operations.announce(name, address: door.address)
        try await door.open(to: serve)
    }

    /// What is wrong with it now.
    var fault: Fault? { faults.current }

    /// Replaces the fault. When this returns, the new one is in force: an outage refuses connections already, and
    /// after an outage connections are accepted again.
    func replaceFault(by fault: Fault?) async throws {
        try await withCheckedThrowingContinuation { continuation in
            if case .terminated = changing.yield(.replace(by: fault, done: continuation)) {
                continuation.resume(throwing: CancellationError())
            }
        }
    }

    func run() async throws {
        try await withThrowingDiscardingTaskGroup { group in
            for await change in changes.cancelOnGracefulShutdown() {
                if let expiry = try await perform(change) {
                    group.addTask { await self.expire(after: expiry) }
                }
            }
            group.cancelAll()
        }
        await door.close()
    }
}

// MARK: - Changes of the fault, one after the other
extension Provider {
    private typealias Expiry = (delay: Duration, generation: FaultSwitch.Generation)

    private func perform(_ change: Change) async throws -> Expiry? {
        switch change {
        case .replace(let fault, let done):
            let generation = try await replace(by: fault)
            done.resume()
            return fault?.duration.map { ($0, generation) }
        case .expire(let generation) where generation == faults.generation:
            _ = try await replace(by: nil)
        case .outage(let generation) where generation == faults.generation:
            await door.close()
        case .expire, .outage:
            break  // of a fault that was replaced since
        }
        return nil
    }

    private func replace(by fault: Fault?) async throws -> FaultSwitch.Generation {
        let generation = faults.replace(by: fault)
        if let fault, fault.mode == .outage, fault.afterRequests == 0 {
            await door.close()
        } else {
            try await door.open(to: serve)
        }
        logger.notice("\(fault == nil ? "fault cleared" : "fault set")", metadata: fault.metadata(of: name))
        return generation
    }

    private func expire(after expiry: Expiry) async {
        // The fault's own duration; a cancelled sleep means that the process is ending.
        guard (try? await Task.sleep(for: expiry.delay)) != nil else { return }
        changing.yield(.expire(expiry.generation))
    }
}

// MARK: - Requests, many at once
extension Provider {
    @Sendable private func serve(_ call: Call, on channel: any Channel) async throws -> Reply {
        let start = ContinuousClock.now
        defer { answering.record(duration: start.duration(to: .now)) }
        guard call.method == .POST, let strike = faults.strike() else { return .once(await desk.answer(call)) }
        record(strike)
        switch strike.mode {
        case .error:
            return .once(Answer(.serviceUnavailable, problem: "injected fault"))
        case .latency:
            try await Task.sleep(for: .milliseconds(strike.latencyMilliseconds))
            return .once(await desk.answer(call))
        case .hang:
            try await faults.hang(on: channel, since: strike.generation)
            return .none
        case .malformed:
            _ = await desk.answer(call)
            return .once(.nonsense)
        case .lostAnswer:
            _ = await desk.answer(call)
            return .none
        case .duplicateAnswer:
            return .twice(await desk.answer(call))
        case .outage:
            changing.yield(.outage(strike.generation))
            return .none
        }
    }

    private func record(_ strike: FaultSwitch.Strike) {
        let mode = strike.mode.rawValue
        Counter(label: "sandbox.faults", dimensions: [("provider", name), ("mode", mode)]).increment()
        logger.debug("fault strikes", metadata: ["provider": "\(name)", "mode": "\(mode)"])
    }
}
