import ArgumentParser
import Foundation

/// One process of the shop.
struct Member: Sendable {
    let name: String
    let executable: String
    let environment: [String: String]
    let log: String
    let readyFile: String

    /// - Throws: `ValidationError` when the executable is not beside our own.
    init(_ name: String, in shop: ShopFolder, environment: [String: String]) throws {
        self.name = name
        executable = Self.directory + "/" + name
        log = shop.log(of: name)
        readyFile = shop.readyFile(of: name)
        self.environment = environment.merging(["READY_FILE": readyFile]) { given, _ in given }
        guard FileManager.default.isExecutableFile(atPath: executable) else {
            throw ValidationError("\(executable) is missing. Build all products: swift build -c release.")
        }
    }

    /// Waits until the process listens.
    func ready() async throws {
        // The file is all that a process tells; it is looked for only while the shop opens.
        while !FileManager.default.fileExists(atPath: readyFile) { try await Task.sleep(for: .milliseconds(20)) }
    }

    /// The folder of our own executable, whatever name it was called by.
    private static var directory: String {
        let own = Bundle.main.executableURL ?? URL(filePath: CommandLine.arguments[0])
        return own.resolvingSymlinksInPath().deletingLastPathComponent().path
    }
}
