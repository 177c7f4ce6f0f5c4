import Foundation
import MessageQueue
import Postgres
import TestSupport
import Testing

@Suite("shoeshop services", .timeLimit(.minutes(10)))
struct ServicesCommandTests {
    @Test(
        "each process of the folder is shown with version, health and what its log tells last, for people and programs")
    func processes() async throws {
        try await TestDatabase.with(.openShop) { database in
            let environment = ["DATABASE_URL": database.conninfo, "LOG_LEVEL": "critical"]
            try await TestProcess.with("order-worker", environment: environment) { worker in
                try await withFolder { folder in
                    let address = worker.addresses["address"] ?? ""
                    try note(#"{"pid": 4711, "address": "\#(address)"}"#, at: "run/order-worker.json", in: folder)
                    try note(
                        #"{"pid": 4712, "address": "http://127.0.0.1:1"}"#, at: "run/stock-worker.json", in: folder)
                    try note(
                        "all is well\nan error colours: \u{1b}[31m error=x\n", at: "logs/order-worker.log", in: folder)
                    let command = ["services", "--folder", folder]
                    let json = try await TestProcess.output(of: "shoeshop", command + ["--json"])
                    let entries = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [[String: Any]] ?? []
                    try #require(entries.count == 2, "\(json)")
                    #expect(entries[0]["name"] as? String == "order-worker" && entries[0]["pid"] as? Int == 4711)
                    #expect(entries[0]["version"] as? String == Broker.libraryVersion)
                    #expect(entries[0]["troubles"] as? [String: String] == [:])
                    #expect((entries[0]["errors"] as? [String])?.first?.hasSuffix("error=x") == true)
                    #expect(entries[1]["troubles"] == nil && entries[1]["version"] == nil)
                    let text = try await TestProcess.output(of: "shoeshop", command)
                    #expect(text.contains("ok") && text.contains("away"), "\(text)")
                    #expect(text.contains(#"\u{1b}[31m"#) && !text.contains("\u{1b}"), "\(text)")
                }
            }
        }
    }

    @Test("a folder in which nobody listens is named, with what to do")
    func nobody() async throws {
        try await withFolder { folder in
            let end = try await TestProcess.end(of: "shoeshop", ["services", "--folder", folder])
            #expect(end.status == 64 && end.complaint.contains(folder) && end.complaint.contains("shoeshop up"))
        }
    }

    private func withFolder(_ body: (String) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
        for part in ["run", "logs"] {
            try FileManager.default.createDirectory(atPath: "\(folder)/\(part)", withIntermediateDirectories: true)
        }
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await body(folder)
    }

    private func note(_ text: String, at path: String, in folder: String) throws {
        try text.write(toFile: "\(folder)/\(path)", atomically: true, encoding: .utf8)
    }
}
