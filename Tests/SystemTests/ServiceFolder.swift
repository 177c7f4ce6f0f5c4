import Foundation

/// The folder of a shop, in which its processes say where they listen, and keep their logs.
struct ServiceFolder: Sendable {
    let path: String

    static func with(_ body: (ServiceFolder) async throws -> Void) async throws {
        let path = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
        for part in ["run", "logs"] {
            try FileManager.default.createDirectory(atPath: "\(path)/\(part)", withIntermediateDirectories: true)
        }
        defer { try? FileManager.default.removeItem(atPath: path) }
        try await body(ServiceFolder(path: path))
    }

    /// As a process's own ready-file.
    func note(_ name: String, pid: Int32, address: String?) throws {
        try write(#"{"pid": \#(pid), "address": "\#(address ?? "")"}"#, to: "run/\(name).json")
    }

    func log(_ name: String, _ text: String) throws { try write(text, to: "logs/\(name).log") }

    private func write(_ text: String, to file: String) throws {
        try text.write(toFile: "\(path)/\(file)", atomically: true, encoding: .utf8)
    }
}
