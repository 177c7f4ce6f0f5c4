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
        /// The better half of a flapping fault.
        case recovery(FaultSwitch.Generation)
    }

    /// Reads the ledger and opens the door: it listens when this returns.
    init<B: Book>(_ name: String, _: B.Type, _ port: Setting<PortNumber>, _ context: Context) async throws {
        let settings = context.settings
        let file = URL(filePath: settings[SandboxSettings.data]).appending(path: "\(name).jsonl")
        self.name = name
        logger = context.logger
        answering = Timer(label: "sandbox_answer_seconds", dimensions: [("provider", name)])
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
                for next in try await perform(change) {
                    group.addTask { await self.schedule(next) }
                }
            }
            group.cancelAll()
        }
        await door.close()
    }
}

// MARK: - Changes of the fault, one after the other
extension Provider {
    /// A change that is due later.
    private typealias Next = (change: Change, delay: Duration)

    private func perform(_ change: Change) async throws -> [Next] {
        switch change {
        case .replace(let fault, let done):
            let next = try await replace(by: fault)
            done.resume()
            return next
        case .expire(let generation) where generation == faults.generation:
            return try await replace(by: nil)
        case .outage(let generation) where generation == faults.generation:
            return await goDown()
        case .recovery(let generation) where generation == faults.generation:
            return try await comeBack()
        case .expire, .outage, .recovery:
            return []  // of a fault that was replaced since
        }
    }

    private func replace(by fault: Fault?) async throws -> [Next] {
        let generation = faults.replace(by: fault)
        var next: [Next] = []
        if let fault, fault.closesDoor, fault.afterRequests == 0 {
            next = await goDown()
        } else {
            try await door.open(to: serve)
        }
        if let duration = fault?.duration { next.append((.expire(generation), duration)) }
        logger.notice("\(fault == nil ? "fault cleared" : "fault set")", metadata: fault.metadata(of: name))
        return next
    }

    private func goDown() async -> [Next] {
        await door.close()
        guard let fault = faults.current, fault.mode == .flapping else { return [] }
        logger.debug("down", metadata: ["provider": "\(name)"])
        return [(.recovery(faults.generation), fault.halfPeriod)]
    }

    private func comeBack() async throws -> [Next] {
        try await door.open(to: serve)
        logger.debug("up again", metadata: ["provider": "\(name)"])
        return faults.current.map { [(.outage(faults.generation), $0.halfPeriod)] } ?? []
    }

    private func schedule(_ next: Next) async {
        // The fault's own time; a cancelled sleep means that the process is ending.
        guard (try? await Task.sleep(for: next.delay)) != nil else { return }
        changing.yield(next.change)
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
        case .drip:
            return .dripping(await desk.answer(call), over: .milliseconds(strike.latencyMilliseconds))
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
        case .outage, .flapping:
            changing.yield(.outage(strike.generation))
            return .none
        }
    }

    private func record(_ strike: FaultSwitch.Strike) {
        let mode = strike.mode.rawValue
        Counter(label: "sandbox_faults_total", dimensions: [("provider", name), ("mode", mode)]).increment()
        logger.debug("fault strikes", metadata: ["provider": "\(name)", "mode": "\(mode)"])
    }
}
