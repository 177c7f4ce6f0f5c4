import Foundation
import ShopProcesses
import Synchronization

/// The processes of a run: kept running as a service manager would keep them, and there to be tormented.
final class Fleet: Sendable {
    private struct Slot {
        var member: Member
        var processID: Int32?
        var isWanted = true
        /// It ends because we told it to: no news, and no pause before the next start.
        var isExpected = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let slots = Mutex<[String: Slot]>([:])
    private let processGroup: Int32
    /// Told what happens to processes.
    private let tell: @Sendable (String) async -> Void
    private let (starts, starting) = AsyncStream.makeStream(of: String.self)

    private static let drainLimit = Duration.seconds(15)
    private static let longestPause = Duration.seconds(2)

    init(processGroup: Int32, tell: @escaping @Sendable (String) async -> Void) {
        self.processGroup = processGroup
        self.tell = tell
    }

    /// Keeps processes running until the task is cancelled; then all of them have ended.
    func run() async {
        await withDiscardingTaskGroup { group in
            for await name in starts { group.addTask { await self.keepRunning(name) } }
            for id in slots.withLock({ $0.values.compactMap(\.processID) }) { kill(id, SIGCONT) }
            group.cancelAll()
        }
    }

    /// Starts a process, and waits until it listens.
    ///
    /// - Throws: ``ScenarioError`` when it does not within half a minute.
    func start(_ member: Member) async throws {
        slots.withLock { $0[member.name] = Slot(member: member) }
        starting.yield(member.name)
        try await ready(member)
    }

    /// Stops a process in an orderly way, starts it again with other variables, and waits until it listens.
    func restart(_ name: String, changing environment: [String: String?]) async throws {
        change(name, environment)
        let member = slots.withLock { slots -> Member? in
            slots[name]?.isExpected = true
            return slots[name]?.member
        }
        guard let member else { return }
        // The old one's: it must not be taken for the new one's.
        try? FileManager.default.removeItem(atPath: member.readyFile)
        signal(name, SIGTERM)
        try await ready(member)
    }

    /// Changes the variables of a process from its next start on; nil takes one away.
    func change(_ name: String, _ environment: [String: String?]) {
        slots.withLock { slots in
            for (key, value) in environment { slots[name]?.member.environment[key] = value }
        }
    }

    /// Stops a process in an orderly way, and waits until it has ended; it is not started again.
    func retire(_ name: String) async {
        await withCheckedContinuation { ended in
            let id = slots.withLock { slots -> Int32? in
                slots[name]?.isWanted = false
                guard let id = slots[name]?.processID else { return nil }
                slots[name]?.waiting.append(ended)
                return id
            }
            if let id { kill(id, SIGTERM) } else { ended.resume() }
        }
    }

    /// Sends a signal; nothing happens while the process is not there.
    func signal(_ name: String, _ number: Int32) {
        slots.withLock { slots in if let id = slots[name]?.processID { kill(id, number) } }
    }

    /// The names of the processes that were made from an executable and are still wanted.
    func names(of program: String) -> [String] {
        slots.withLock { slots in
            slots.filter { $0.value.isWanted && $0.value.member.executable.hasSuffix("/" + program) }.keys.sorted()
        }
    }

    private func ready(_ member: Member) async throws {
        let isReady = try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await member.ready()
                return true
            }
            group.addTask {
                try await Task.sleep(for: .seconds(30))
                return false
            }
            defer { group.cancelAll() }
            return try await group.next() ?? false
        }
        guard isReady else {
            throw ScenarioError(.shopFailed, "\(member.name) was not ready within 30 s; see \(member.log)")
        }
    }

    private func keepRunning(_ name: String) async {
        var backOff = BackOff(longest: Self.longestPause)
        while !Task.isCancelled, let member = wanted(name) {
            let start = ContinuousClock.now
            let end = await member.run(in: processGroup, drainLimit: Self.drainLimit) { id in
                self.slots.withLock { $0[name]?.processID = id }
            }
            let isNews = ended(name)
            guard !Task.isCancelled, isNews else { continue }
            await tell("\(name) ended (\(end)); started again")
            // Cancellation ends the pause, and then the loop.
            try? await Task.sleep(for: backOff.pause(afterLiving: .now - start))
        }
    }

    private func wanted(_ name: String) -> Member? {
        slots.withLock { slots in
            guard let slot = slots[name], slot.isWanted else { return nil }
            slots[name]?.isExpected = false
            return slot.member
        }
    }

    /// Whether somebody should hear of it.
    private func ended(_ name: String) -> Bool {
        let (waiting, isNews) = slots.withLock { slots in
            defer {
                slots[name]?.processID = nil
                slots[name]?.waiting = []
            }
            let slot = slots[name]
            return (slot?.waiting ?? [], slot?.isWanted == true && slot?.isExpected == false)
        }
        for one in waiting { one.resume() }
        return isNews
    }
}
