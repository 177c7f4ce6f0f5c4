import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Postgres
import TestSupport
import Testing

extension OrderAPITests {
    @Suite("who is told of health and metrics")
    struct OperationsTests {
        /// An address of this machine by which others reach it.
        private static let otherAddress = (try? System.enumerateDevices())?.lazy.compactMap(\.address)
            .filter { $0.protocol == .inet }.compactMap(\.ipAddress).first { !$0.hasPrefix("127.") }

        @Test(
            "on an address that others reach the shop is open to them, and its health and metrics only if a setting says so",
            .enabled(if: otherAddress != nil, "this machine has a loopback address only"), arguments: [false, true])
        func others(isOpen: Bool) async throws {
            let other = try #require(Self.otherAddress)
            let elsewhere: UInt = isOpen ? 200 : 404
            let setting = ["HOST": "0.0.0.0"].merging(isOpen ? ["OPERATIONS_FROM": "anywhere"] : [:]) { $1 }
            let log = try await Self.log(of: setting) { address async throws in
                let outside = address.replacing("0.0.0.0", with: other)
                let inside = address.replacing("0.0.0.0", with: "127.0.0.1")
                #expect(try await Self.status(outside + "/products") == 200)
                for path in ["/metrics", "/health/live", "/health/ready"] {
                    #expect(try await Self.status(outside + path) == elsewhere, "\(path)")
                    #expect(try await Self.status(inside + path) == 200, "\(path)")
                    // As the log tells the address.
                    #expect(try await Self.status(address + path) == 200, "\(path)")
                }
            }
            let notice = isOpen ? "told to whoever reaches the port" : "told to programs of this machine only"
            #expect(log.contains("health and metrics are \(notice)"), "\(log)")
        }

        @Test("to whoever is not told, health and metrics are paths where nothing is, and not ones of another method")
        func problem() async throws {
            try await API.with { api async throws in
                for path in ["/metrics", "/health/live", "/health/ready"] {
                    let answer = try await api.send(.GET, path, nil, ["Host": "shop.example"])
                    #expect(answer.status == 404)
                    #expect(try answer.problem().title == "There is nothing at this path.")
                    let head = try await api.send(.HEAD, path, nil, ["Host": "shop.example"])
                    #expect(head.status == 404 && head.body.isEmpty)
                }
            }
        }

        /// What an order-api with these settings logged while `body` ran.
        private static func log(
            of settings: [String: String], _ body: @escaping @Sendable (String) async throws -> Void
        ) async throws -> String {
            let log = "/tmp/shoeshop-api-\(UUID().uuidString).log"
            defer { try? FileManager.default.removeItem(atPath: log) }
            try await TestDatabase.withShop { database in
                let environment = ["DATABASE_URL": database.conninfo, "LOG_LEVEL": "info"].merging(settings) { $1 }
                try await TestProcess.with("order-api", environment: environment, log: log) { process in
                    try await body(process.addresses["address"] ?? "")
                }
            }
            return try String(contentsOfFile: log, encoding: .utf8)
        }

        private static func status(_ url: String) async throws -> UInt {
            let response = try await HTTPClient.shared.execute(HTTPClientRequest(url: url), timeout: .seconds(120))
            _ = try await response.body.collect(upTo: 1 << 24)
            return response.status.code
        }
    }
}
