import ArgumentParser
import Foundation
import ShopProcesses

/// The folder of a private shop: database, ledgers, logs, and where the running one can be reached.
struct ShopFolder: Sendable {
    let path: String

    init(_ path: String) { self.path = URL(filePath: path).standardizedFileURL.path }

    var postgres: String { path + "/postgres" }
    var providers: String { path + "/providers" }
    var lock: String { path + "/lock" }
    func log(of process: String) -> String { "\(path)/logs/\(process).log" }
    func readyFile(of process: String) -> String { "\(path)/run/\(process).json" }
    private var addresses: String { path + "/run/addresses.json" }

    /// Makes what is missing. What may hold a secret, such as a password in a connection string, is for its owner only.
    func prepare() throws {
        for folder in ["logs", "run"].map({ "\(path)/\($0)" }) {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            // It may be there from before, or of a process with another idea.
            try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: folder)
        }
    }

    /// Where the shop that runs now can be reached.
    func runningAddresses() throws -> Addresses {
        guard let data = FileManager.default.contents(atPath: addresses) else {
            throw ValidationError(
                "No shop runs from \(path). Start one (shoeshop up), or say which database: --database-url.")
        }
        return try JSONDecoder().decode(Addresses.self, from: data)
    }

    /// Tells other commands where the shop is, until `withdraw`.
    func announce(_ addresses: Addresses) throws {
        try JSONEncoder().encode(addresses).write(to: URL(filePath: self.addresses), options: .atomic)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: self.addresses)
    }

    func withdraw() { try? FileManager.default.removeItem(atPath: addresses) }
}

/// Where the parts of a running shop can be reached.
struct Addresses: Codable, Sendable {
    /// A libpq connection string.
    let database: String
    let api, desk, gateway, control, payment, logistics: String?
}

extension Member {
    /// - Throws: ``Missing`` when the executable is not beside our own.
    init(_ name: String, in shop: ShopFolder, environment: [String: String]) throws {
        try self.init(
            name, environment: environment, log: shop.log(of: name), readyFile: shop.readyFile(of: name))
    }
}
