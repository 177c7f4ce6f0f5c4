import Foundation
import ShoeShop
import ShopProcesses

/// The shop of one run: a private server, the providers' sandbox, and the processes, each of which can be tormented.
struct Testbed: Sendable {
    let folder: TestbedFolder
    let server: ScenarioServer
    let fleet: Fleet
    let shop: RunRecord.Shop
    let floor: ShopFloor
    let spares: SpareDatabases
    let ports: TestbedPorts
    let proxies: [TestbedPlan.Way: Proxy]

    /// The address that customers know.
    var api: String { "http://127.0.0.1:\(ports.api)" }
    var control: String { "http://127.0.0.1:\(ports.control)" }
    var payment: String { "http://127.0.0.1:\(ports.payment)" }
    var logistics: String { "http://127.0.0.1:\(ports.logistics)" }

    /// Starts the sandbox and the shop, and waits until all of them listen.
    func open() async throws {
        try await fleet.start(sandbox())
        try await withThrowingTaskGroup(of: Void.self) { group in
            for member in try members() { group.addTask { try await fleet.start(member) } }
            try await group.waitForAll()
        }
    }

    /// Another process of a kind, not started yet.
    func member(_ process: ShopProcess, name: String, changing changes: [String: String] = [:]) throws -> Member {
        var environment = [
            "DATABASE_URL": database(for: process), "PORT": process == .orderAPI ? "\(ports.api)" : "0",
            "PAYMENT_URL": address(of: .payment, for: process, direct: payment),
            "LOGISTICS_URL": address(of: .logistics, for: process, direct: logistics), "SHUTDOWN_TIMEOUT": "10s",
        ]
        if floor.breaker, process == .paymentWorker || process == .logisticsWorker { environment["BREAKER"] = "true" }
        return try made(name, program: process.rawValue, environment.merging(changes) { $1 })
    }

    private func members() throws -> [Member] {
        guard shop == .decoupled else { return [try coupled()] }
        return try ShopProcess.allCases.flatMap { process in
            try (0..<floor.count(of: process)).map { number in
                try member(process, name: number == 0 ? process.rawValue : "\(process.rawValue)-\(number + 1)")
            }
        }
    }

    private func sandbox() throws -> Member {
        try made(
            "provider-sandbox", program: "provider-sandbox",
            [
                "PORT": "\(ports.control)", "PAYMENT_PORT": "\(ports.payment)",
                "LOGISTICS_PORT": "\(ports.logistics)", "DATA": folder.ledgers,
            ])
    }

    /// The whole shop in one process. It stands where the API stands, and so do the ways to its peers.
    private func coupled() throws -> Member {
        try made(
            "coupled-shop", program: "coupled-shop",
            [
                "DATABASE_URL": server.conninfo, "PORT": "\(ports.api)", "PAYMENT_URL": payment,
                "LOGISTICS_URL": logistics, "SHUTDOWN_TIMEOUT": "10s",
            ])
    }

    private func made(_ name: String, program: String, _ environment: [String: String]) throws -> Member {
        try Member(
            name, program: program, environment: environment, log: folder.log(of: name),
            readyFile: folder.readyFile(of: name))
    }

    private func database(for process: ShopProcess) -> String {
        proxies[.init(process: process, peer: .database)].map { server.conninfo(through: $0) } ?? server.conninfo
    }

    private func address(of peer: TimelineEvent.Peer, for process: ShopProcess, direct: String) -> String {
        proxies[.init(process: process, peer: peer)].map { "http://127.0.0.1:\($0.port)" } ?? direct
    }
}

/// Where the parts of a run listen; the same for its whole length.
struct TestbedPorts: Sendable {
    let api, control, payment, logistics: UInt16

    init() throws {
        var ports: Set<UInt16> = []
        for _ in 0..<100 where ports.count < 4 { if let port = Ports.anyFree() { ports.insert(port) } }
        let all = Array(ports)
        guard all.count == 4 else { throw ScenarioError(.shopFailed, "No free ports were found on 127.0.0.1.") }
        (api, control, payment, logistics) = (all[0], all[1], all[2], all[3])
    }
}
