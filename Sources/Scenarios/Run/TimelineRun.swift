import Durations
import Foundation
import Synchronization

/// Runs the timeline: each trouble begins and ends when its time has come.
struct TimelineRun: Sendable {
    let testbed: Testbed
    let entries: [Scenario.Entry]
    let clock: StoryClock
    let windows: WindowNotes
    let forgotten: ForgottenOrders
    let tell: @Sendable (String) async -> Void

    /// Returns when the last trouble has ended.
    ///
    /// - Throws: ``ScenarioError`` when one could not be made.
    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for entry in entries { group.addTask { try await run(entry) } }
            try await group.waitForAll()
        }
    }

    private func run(_ entry: Scenario.Entry) async throws {
        guard let trouble = try trouble(of: entry) else { return }
        let what = entry.event.storyText
        try await clock.wait(until: entry.at.inSeconds)
        let from = clock.now
        await tell(what)
        do {
            try await trouble.begin()
            if let length = entry.length, !entry.event.takesItsTime {
                try await clock.wait(until: (entry.at + length).inSeconds)
            }
        } catch {
            // The first error is the one that matters.
            try? await trouble.end()
            throw error
        }
        try await trouble.end()
        let isMoment = entry.length == nil && !entry.event.takesItsTime
        windows.note(FaultWindow(what: what, from: from, to: isMoment ? from : clock.now))
        if !isMoment { await tell("\(what): over") }
    }

    /// Nil for what the shop that is played does not have.
    private func trouble(of entry: Scenario.Entry) throws -> (any Trouble)? {
        switch entry.event {
        case .provider(let provider, let fault):
            return ProviderTrouble(provider, fault.scaled(by: clock.speed), control: testbed.control)
        case .newDatabase:
            return NewDatabase(on: testbed.server, from: testbed.spares, forgotten: forgotten, tell: tell)
        case .database(let fault): return DatabaseTrouble(fault, on: testbed.server, tell: tell)
        case .network(let process, let peer, let fault):
            return testbed.proxies[.init(process: process, peer: peer)].map { NetworkTrouble([$0], fault) }
        case .kill(let process): return Killing(fleet: testbed.fleet, name: name(of: process))
        case .freeze(let process): return Freezing(fleet: testbed.fleet, name: name(of: process))
        case .restartLoop(let process, let every):
            return RestartLoop(
                fleet: testbed.fleet, name: name(of: process), every: .seconds(clock.real(every.inSeconds)))
        case .crash, .deploy, .clock, .poison, .redrive:
            return testbed.shop == .decoupled ? try workerTrouble(of: entry) : nil
        }
    }

    /// What only workers and queues have.
    private func workerTrouble(of entry: Scenario.Entry) throws -> (any Trouble)? {
        switch entry.event {
        case .crash(let process, let phase, let count):
            return OtherEnvironment(
                fleet: testbed.fleet, name: name(of: process),
                environment: ["CRASH": "\(phase.rawValue):\(count)"], isGraceful: false)
        case .clock(let process, let offset):
            return OtherEnvironment(
                fleet: testbed.fleet, name: name(of: process), environment: try FakeTime.environment(offset: offset),
                isGraceful: true)
        case .deploy(let process, let version):
            let overlap = clock.real((entry.length ?? .seconds(2)).inSeconds)
            return Deployment(testbed: testbed, process: process, version: version, overlap: .seconds(overlap))
        case .poison(let queue, let count):
            return PoisonTrouble(queue: queue, count: count, on: testbed.server, tell: tell)
        case .redrive(let queue): return RedriveTrouble(queue: queue, on: testbed.server, tell: tell)
        default: return nil
        }
    }

    /// The first process of the kind; all of the coupled shop is one process.
    private func name(of process: ShopProcess) -> String {
        guard testbed.shop == .decoupled else { return "coupled-shop" }
        return testbed.fleet.names(of: process.rawValue).first ?? process.rawValue
    }
}

/// When each trouble was there.
final class WindowNotes: Sendable {
    private let state = Mutex<[FaultWindow]>([])

    func note(_ window: FaultWindow) { state.withLock { $0.append(window) } }
    var all: [FaultWindow] { state.withLock { $0 }.sorted { ($0.from, $0.to) < ($1.from, $1.to) } }
}

extension TimelineEvent {
    /// Whether beginning it takes as long as it lasts.
    var takesItsTime: Bool { if case .deploy = self { true } else { false } }

    /// For people: `logistics: outage`.
    var storyText: String {
        switch self {
        case .provider(let provider, let fault): "\(provider.rawValue) provider: \(fault.storyText)"
        case .kill(let process): "\(process.rawValue): kill -9"
        case .freeze(let process): "\(process.rawValue): frozen"
        case .crash(let process, let phase, _): "\(process.rawValue): crashes \(phase.rawValue)"
        case .restartLoop(let process, _): "\(process.rawValue): restart loop"
        case .deploy(let process, let version): "\(process.rawValue): deploy \(version)"
        case .clock(let process, let offset):
            "\(process.rawValue): clock \(offset < .zero ? "-" : "+")\((abs(offset.inSeconds) / 3600).short)h"
        case .database(let fault): "database: \(fault.storyText)"
        case .newDatabase: "database: made anew"
        case .network(let process, let peer, let fault): "\(process.rawValue) to \(peer.rawValue): \(fault.storyText)"
        case .poison(let queue, let count): "poison: \(count) in \(queue ?? "every queue")"
        case .redrive(let queue): "redrive: \(queue ?? "all dead letters")"
        }
    }
}

extension ProviderFault {
    var storyText: String {
        let share = rate.map { $0 < 1 ? ", \(($0 * 100).short)%" : "" } ?? ""
        let late = latency.map { " \($0.text)" } ?? ""
        return mode.storyName + late + share
    }

    /// Its times go with the story's speed.
    func scaled(by speed: Double) -> ProviderFault {
        var fault = self
        fault.latency = latency.map { $0 * (1 / speed) }
        fault.period = period.map { $0 * (1 / speed) }
        return fault
    }
}

extension DatabaseFault {
    var storyText: String {
        switch self {
        case .kill: "kill -9"
        case .restart: "restart"
        case .terminate: "backends terminated"
        case .exhaust: "no connection left"
        case .timeout(let limit): "statements limited to \(limit.text)"
        case .full: "disk full"
        case .snapshot: "snapshot held"
        case .lock(let table): "\(table) locked"
        }
    }
}

extension NetworkFault {
    var storyText: String {
        switch self {
        case .cut: "cut"
        case .halfOpen: "half-open"
        case .silence: "open connections silenced"
        case .delay(let delay): "delay \(delay.text)"
        case .throttle(let bytes): "throttled to \(bytes) bytes/s"
        }
    }
}
