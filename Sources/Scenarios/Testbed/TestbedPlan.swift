import Foundation

/// What a timeline needs to have in place before the run begins.
struct TestbedPlan: Sendable {
    /// The ways that go through a proxy.
    struct Way: Hashable, Sendable {
        let process: ShopProcess
        let peer: TimelineEvent.Peer
    }

    let ways: Set<Way>
    /// The cluster needs a small file system of its own.
    let needsSmallDisk: Bool
    /// How often another database takes the place of the shop's.
    let newDatabases: Int

    init(_ timeline: [Scenario.Entry]) {
        var ways: Set<Way> = []
        for entry in timeline {
            if case .network(let process, let peer, _) = entry.event { ways.insert(Way(process: process, peer: peer)) }
        }
        self.ways = ways
        needsSmallDisk = timeline.contains { $0.event == .database(.full) }
        newDatabases = timeline.count { $0.event == .newDatabase }
    }
}
