import Foundation

extension TestProcess {
    /// Runs `body` beside the sandboxed providers, with ledgers of their own.
    ///
    /// - Parameter body: is given the sandbox, and the environment for processes of the shop over this database.
    public static func withSandbox<T: Sendable>(
        conninfo: String, _ body: @escaping @Sendable (TestProcess, [String: String]) async throws -> T
    ) async throws -> T {
        let ledgers = "/tmp/shoeshop-ledgers-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: ledgers) }
        let ports = ["DATA": ledgers, "PAYMENT_PORT": "0", "LOGISTICS_PORT": "0", "LOG_LEVEL": "critical"]
        return try await with("provider-sandbox", environment: ports) { sandbox in
            try await body(
                sandbox,
                [
                    "DATABASE_URL": conninfo, "LOG_LEVEL": "critical",
                    "PAYMENT_URL": sandbox.addresses["payment"] ?? "",
                    "LOGISTICS_URL": sandbox.addresses["logistics"] ?? "",
                ])
        }
    }
}
