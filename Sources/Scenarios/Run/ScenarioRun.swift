public import Foundation
import LocalPostgres
import Postgres
public import ShoeShop

/// One run of a scenario, with processes, a server and a folder of its own, which are gone when it ends.
public struct ScenarioRun: Sendable {
    /// What is worth showing while it runs.
    public enum News: Sendable {
        /// Seconds since the start, and what happened.
        case event(at: Double, String)
        case sample(Sample)
    }

    let scenario: Scenario
    let seed: UInt64
    let speed: Double
    let shop: RunRecord.Shop
    let catalogue: ShoeShop.Catalogue
    let folder: TestbedFolder
    let keepsFolder: Bool
    let machine: String
    let command: String
    let tell: @Sendable (News) async -> Void

    /// - Parameters:
    ///   - catalogue: what the shop sells.
    ///   - folder: made for the run; it must not exist.
    ///   - keepsFolder: leaves logs and ledgers behind.
    ///   - machine: what it is played on, for people.
    ///   - command: plays the same again.
    ///   - tell: is told what happens, as it happens.
    public init(
        _ scenario: Scenario, seed: UInt64, speed: Double, shop: RunRecord.Shop, catalogue: ShoeShop.Catalogue,
        folder: URL, keepsFolder: Bool, machine: String, command: String,
        tell: @escaping @Sendable (News) async -> Void
    ) {
        self.scenario = scenario
        self.seed = seed
        self.speed = speed
        self.shop = shop
        self.catalogue = catalogue
        self.folder = TestbedFolder(path: folder.path)
        self.keepsFolder = keepsFolder
        self.machine = machine
        self.command = command
        self.tell = tell
    }

    /// Plays the scenario to its end, and cleans up.
    ///
    /// - Throws: ``ScenarioError`` when it cannot be played here, `CancellationError` when told to stop.
    public func play() async throws -> RunRecord {
        try folder.make()
        let watch = keepsFolder ? nil : try await folder.removeWithThisProcess()
        defer { if !keepsFolder { folder.remove() } }
        let record = try await playOnServer()
        try watch?.standDown()
        return record
    }

    private func playOnServer() async throws -> RunRecord {
        for disk in try await LimitedDisk.removeLeftOver() {
            await tell(.event(at: -1, "\(disk) was left over from a run that was killed: unmounted"))
        }
        let plan = TestbedPlan(scenario.timeline)
        let server = ScenarioServer(folder: folder.server, diskLimit: plan.needsSmallDisk ? Self.smallDisk : nil)
        do {
            let record = try await play(on: server, plan)
            try await server.stop()
            return record
        } catch {
            // The first error is the one that matters.
            try? await server.stop()
            throw error
        }
    }

    /// Room for the cluster itself and some minutes of orders.
    private static let smallDisk = 256 << 20

    private func play(on server: ScenarioServer, _ plan: TestbedPlan) async throws -> RunRecord {
        try await server.start()
        let setup = ShopSetup(catalogue: catalogue, floor: scenario.shop, speed: speed)
        try await setup.install(on: server.conninfo)
        let spares = try await SpareDatabases(plan.newDatabases, on: server, with: setup)
        let watch = try await DeathWatch.start(["/bin/sh", "-c", "kill -KILL 0"])
        let fleet = Fleet(processGroup: watch.processGroup) { [tell] in await tell(.event(at: -1, $0)) }
        let ports = try TestbedPorts()
        let proxies = try await proxies(for: plan, ports, server)
        let testbed = Testbed(
            folder: folder, server: server, fleet: fleet, shop: shop, floor: scenario.shop, spares: spares,
            ports: ports,
            proxies: proxies)
        let result: Result<RunRecord, any Error> = await withTaskGroup(of: Void.self) { group in
            group.addTask { await fleet.run() }
            let result = await outcome { try await play(on: testbed) }
            group.cancelAll()
            await group.waitForAll()
            return result
        }
        for proxy in proxies.values { await proxy.close() }
        try watch.standDown()
        return try result.get()
    }

    private func outcome(_ body: () async throws -> RunRecord) async -> Result<RunRecord, any Error> {
        do { return .success(try await body()) } catch { return .failure(error) }
    }

    private func proxies(
        for plan: TestbedPlan, _ ports: TestbedPorts, _ server: ScenarioServer
    ) async throws -> [TestbedPlan.Way: Proxy] {
        var proxies: [TestbedPlan.Way: Proxy] = [:]
        for way in plan.ways {
            let target: Proxy.Target =
                switch way.peer {
                case .database: server.socket
                case .payment: .host("127.0.0.1", port: Int(ports.payment))
                case .logistics: .host("127.0.0.1", port: Int(ports.logistics))
                }
            proxies[way] = try await Proxy(to: target)
        }
        return proxies
    }
}
