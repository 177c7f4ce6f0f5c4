import Foundation
import ShopProcesses
import Testing

@testable import ShopCLI

@Suite("Secrets of a private shop")
struct SecretTests {
    private static let conninfo = "postgresql://ada:hunter2@db.example/shop"

    private func inFolder(_ body: (ShopFolder) throws -> Void) throws {
        let path = "/tmp/shoeshop-secrets-\(UUID().uuidString.prefix(8))"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(ShopFolder(path))
    }

    private func mode(of path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }

    @Test("what an open shop prints names the database, and not its password")
    func directions() throws {
        try inFolder { shop in
            let text = Directions(
                site: Site(shop: shop, database: Self.conninfo, ports: .free()), order: Data("{}".utf8)
            ).text
            #expect(text.contains("db.example") && !text.contains("hunter2"))
        }
    }

    @Test(
        "an error that quotes what was given tells no password of a connection string, and everything else as it is",
        arguments: [
            ("host=db password=hunter2", "password=*** host=db"),
            (conninfo, "user=ada password=*** dbname=shop host=db.example"),
            ("--limit=\(conninfo)", "(no connection string)"),
            ("postgres://ada:hunter2%zz@db", "(no connection string)"),
            ("http://127.0.0.1:8080/faults", "http://127.0.0.1:8080/faults"), ("mail=a", "mail=a"),
        ])
    func quoted(argument: String, shown: String) {
        let told = ShopCommand.masked("Unexpected argument '\(argument)'.", givenAs: ["doctor", argument])
        #expect(told == "Unexpected argument '\(shown)'.")
        let value = ShopCommand.masked("The value '\(argument)' is invalid.", givenAs: ["--limit=\(argument)"])
        #expect(!value.contains("hunter2"))
    }

    @Test("where a shop can be reached is for its owner only, also in a folder that was there before")
    func modes() throws {
        try inFolder { shop in
            try FileManager.default.createDirectory(
                atPath: "\(shop.path)/run", withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
            try shop.prepare()
            try shop.announce(Site(shop: shop, database: Self.conninfo, ports: .free()).addresses)
            #expect(try mode(of: "\(shop.path)/run") == 0o700 && mode(of: "\(shop.path)/logs") == 0o700)
            #expect(try mode(of: "\(shop.path)/run/addresses.json") == 0o600)
            #expect(try shop.runningAddresses().database == Self.conninfo)
        }
    }
}
