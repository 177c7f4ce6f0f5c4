import Foundation
import TestSupport
import Testing

/// Such a string won't become a good one, so there is nothing to wait for.
@Suite("A connection string that libpq refuses ends a program", .timeLimit(.minutes(10)))
struct ConnectionStringTests {
    private static let malformed = "postgresql://shop:sesame%zz@db/shop"

    private func complaint(
        of program: String, _ arguments: [String], _ environment: [String: String]
    ) async throws -> String {
        let end = try await TestProcess.end(
            of: program, arguments, environment: ["PORT": "0"].merging(environment) { $1 })
        #expect(end.status == 64, "\(program) \(arguments): \(end.status)")
        let told = end.output + end.complaint
        #expect(told.contains("connection string") && !told.contains("sesame"), "\(program) \(arguments): \(told)")
        return told
    }

    @Test(
        "programs of the shop end with exit status 64 and name the setting, and show nothing of a malformed connection string",
        arguments: [
            "order-api", "shop-desk", "message-gateway", "order-worker", "stock-worker", "payment-worker",
            "logistics-worker", "coupled-shop",
        ])
    func programs(name: String) async throws {
        let environment = [
            "DATABASE_URL": Self.malformed, "GATEWAY_SECRET_KEY": String(repeating: "secret of tests ", count: 2),
        ]
        #expect(try await complaint(of: name, [], environment).contains("DATABASE_URL"))
    }

    @Test("a malformed address past the pooler ends a program as well, and so does one that was given as a flag")
    func otherPlaces() async throws {
        let told = try await complaint(of: "order-worker", [], ["DIRECT_DATABASE_URL": "host=h passwrd=sesame"])
        #expect(told.contains("DIRECT_DATABASE_URL"))
        _ = try await complaint(of: "order-worker", ["--database-url", Self.malformed], [:])
        _ = try await complaint(of: "shoeshop", ["queues", "--direct-database-url", Self.malformed], [:])
    }

    @Test(
        "a connection string that was put in the wrong place is told without its password",
        arguments: ["postgresql://shop:sesame@db/shop", "host=db password=sesame", malformed])
    func misplaced(conninfo: String) async throws {
        for command in [
            ["order-worker"], ["shoeshop", "doctor"], ["shoeshop", "up"], ["shoeshop", "migrate"],
            ["shoeshop", "--once"],
        ] {
            let end = try await TestProcess.end(of: command[0], command.dropFirst() + [conninfo])
            #expect(end.status == 64 && !(end.output + end.complaint).contains("sesame"), "\(command): \(end)")
        }
    }

    @Test(
        "a connection string that was given to another option is told without its password",
        arguments: [["top", "--queues=postgresql://shop:sesame@db/shop"], ["dead", "list", "--limit", malformed]])
    func ofAnotherOption(arguments: [String]) async throws {
        let end = try await TestProcess.end(of: "shoeshop", arguments)
        #expect(end.status == 64 && !(end.output + end.complaint).contains("sesame"), "\(end)")
    }

    @Test(
        "commands of an operator end with exit status 64 and show nothing of a malformed connection string",
        arguments: [["queues"], ["doctor"], ["migrate"], ["up", "--once"]])
    func commands(arguments: [String]) async throws {
        let folder = "/tmp/shoeshop-malformed-\(UUID().uuidString.prefix(8))"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        _ = try await complaint(of: "shoeshop", arguments + ["--folder", folder], ["DATABASE_URL": Self.malformed])
    }

    @Test("what the environment adds to a connection string is checked as well")
    func environment() async throws {
        let told = try await complaint(
            of: "shoeshop", ["queues"], ["DATABASE_URL": "host=127.0.0.1", "PGCONNECT_TIMEOUT": "sesame"])
        #expect(told.contains("connect_timeout"))
    }
}
