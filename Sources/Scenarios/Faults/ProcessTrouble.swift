import Foundation

/// A process is killed, once; the fleet starts it again.
struct Killing: Trouble {
    let fleet: Fleet
    let name: String

    func begin() async throws { fleet.signal(name, SIGKILL) }
    func end() async throws {}
}

/// A process stands still, as one does on a machine that swaps, or whose virtual machine is being moved.
struct Freezing: Trouble {
    let fleet: Fleet
    let name: String

    func begin() async throws { fleet.signal(name, SIGSTOP) }
    func end() async throws { fleet.signal(name, SIGCONT) }
}

/// A process runs with other variables for a while, such as those that make it crash or give it a wrong clock.
struct OtherEnvironment: Trouble {
    let fleet: Fleet
    let name: String
    let environment: [String: String]
    /// Whether it is expected to live until the end, and so has to be stopped for its old variables.
    let isGraceful: Bool

    func begin() async throws { try await fleet.restart(name, changing: environment.mapValues { $0 }) }

    func end() async throws {
        let nothing = environment.mapValues { _ in String?.none }
        if isGraceful {
            try await fleet.restart(name, changing: nothing)
        } else {
            fleet.change(name, nothing)
            fleet.signal(name, SIGKILL)
        }
    }
}

/// A process is killed again and again.
actor RestartLoop: Trouble {
    private let fleet: Fleet
    private let name: String
    private let every: Duration
    private var killing: Repetition?

    init(fleet: Fleet, name: String, every: Duration) {
        self.fleet = fleet
        self.name = name
        self.every = every
    }

    func begin() async throws {
        fleet.signal(name, SIGKILL)
        killing = Repetition(every: every) { [fleet, name] in fleet.signal(name, SIGKILL) }
    }

    func end() async throws {
        await killing?.stop()
        killing = nil
    }
}

/// New processes under another version are started beside the old ones, which are then retired one after the other.
struct Deployment: Trouble {
    let testbed: Testbed
    let process: ShopProcess
    let version: String
    /// How long both versions work side by side.
    let overlap: Duration

    func begin() async throws {
        let old = testbed.fleet.names(of: process.rawValue)
        for number in old.indices {
            let name = "\(process.rawValue)-\(version)" + (number == 0 ? "" : "-\(number + 1)")
            try await testbed.fleet.start(testbed.member(process, name: name, changing: ["WORKER_VERSION": version]))
        }
        try await Task.sleep(for: overlap)
        for name in old { await testbed.fleet.retire(name) }
    }

    func end() async throws {}
}
