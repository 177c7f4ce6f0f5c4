import Foundation
import ShopProcesses

/// The shop on this machine: which processes there are, and where they listen.
struct Site: Sendable {
    let shop: ShopFolder
    let database: String
    let ports: Ports

    var addresses: Addresses {
        Addresses(
            database: database, api: local(ports.api), desk: local(ports.desk), gateway: local(ports.gateway),
            control: local(ports.control), payment: local(ports.payment), logistics: local(ports.logistics))
    }

    /// Opens the shop, runs `body` unless stopped, and closes in the order in which nobody waits for anybody who is
    /// gone: desk, API, gateway and workers, then the providers.
    ///
    /// - Parameter stop: nil for a caller that is stopped by the cancellation of its task.
    /// - Returns: what `body` answered; nil when it was stopped.
    func open<T: Sendable>(
        in processGroup: Int32, on screen: Screen, until stop: StopSignal?,
        _ body: @escaping @Sendable () async throws -> T
    ) async throws -> T? {
        let providers = try [sandbox()]
        let others = try [desk(), api(), gateway()] + workers()
        try shop.announce(addresses)
        defer { shop.withdraw() }
        return try await Crew(members: providers, processGroup: processGroup, screen: screen).serve {
            try await Crew(members: others, processGroup: processGroup, screen: screen).serve {
                let stay: @Sendable () async throws -> T = {
                    for member in providers + others { try await member.ready() }
                    return try await body()
                }
                guard let stop else { return try await stay() }
                let result = try await stop.interrupt(stay)
                await screen.notice("Draining and stopping. Ctrl-C again stops at once.")
                return result
            }
        }
    }

    private func local(_ port: UInt16) -> String { "http://127.0.0.1:\(port)" }

    private func sandbox() throws -> Member {
        try Member(
            "provider-sandbox", in: shop,
            environment: [
                "PORT": "\(ports.control)", "PAYMENT_PORT": "\(ports.payment)",
                "LOGISTICS_PORT": "\(ports.logistics)", "DATA": shop.providers,
            ])
    }

    private func api() throws -> Member {
        try Member("order-api", in: shop, environment: ["DATABASE_URL": database, "PORT": "\(ports.api)"])
    }

    private func desk() throws -> Member {
        try Member(
            "shop-desk", in: shop,
            environment: ["DATABASE_URL": database, "PORT": "\(ports.desk)", "SHOP_FOLDER": shop.path])
    }

    private func gateway() throws -> Member {
        try shop.prepareGatewayKey()
        return try Member(
            "message-gateway", in: shop,
            environment: [
                "DATABASE_URL": database, "PORT": "\(ports.gateway)", "GATEWAY_SECRET_KEY_FILE": shop.gatewayKeyFile,
            ])
    }

    private func workers() throws -> [Member] {
        let names = ["order-worker", "stock-worker", "payment-worker", "logistics-worker"]
        return try zip(names, ports.workers).map { name, port in
            try Member(
                name, in: shop,
                environment: [
                    "DATABASE_URL": database, "PORT": "\(port)", "PAYMENT_URL": local(ports.payment),
                    "LOGISTICS_URL": local(ports.logistics),
                ])
        }
    }
}
