import AsyncHTTPClient
import Foundation
import MessageQueue
import NIOCore
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
                try await ServiceFolder.with { folder in
                    try folder.note("order-worker", pid: 4711, address: worker.addresses["address"])
                    try folder.note("stock-worker", pid: 4712, address: "http://127.0.0.1:1")
                    try folder.log("order-worker", "all is well\nan error colours: \u{1b}[31m error=x\n")
                    let entries = try await services(of: folder)
                    try #require(entries.count == 2, "\(entries)")
                    #expect(entries[0]["name"] as? String == "order-worker" && entries[0]["pid"] as? Int == 4711)
                    #expect(entries[0]["version"] as? String == Broker.libraryVersion)
                    #expect(entries[0]["troubles"] as? [String: String] == [:])
                    #expect((entries[0]["errors"] as? [String])?.first?.hasSuffix("error=x") == true)
                    #expect(entries[1]["troubles"] == nil && entries[1]["version"] == nil)
                    let text = try await TestProcess.output(of: "shoeshop", ["services", "--folder", folder.path])
                    #expect(text.contains("ok") && text.contains("away"), "\(text)")
                    #expect(text.contains(#"\u{1b}[31m"#) && !text.contains("\u{1b}"), "\(text)")
                }
            }
        }
    }

    @Test("a folder in which nobody listens is named, with what to do")
    func nobody() async throws {
        try await ServiceFolder.with { folder in
            let end = try await TestProcess.end(of: "shoeshop", ["services", "--folder", folder.path])
            #expect(end.status == 64 && end.complaint.contains(folder.path) && end.complaint.contains("shoeshop up"))
        }
    }

    @Test("a process that is reached by TLS is asked by TLS, whoever vouches for its certificate, and is not away")
    func tls() async throws {
        try await TestCertificate.with { made in
            try await TestDatabase.with(.openShop) { database in
                let environment = [
                    "DATABASE_URL": database.conninfo, "LOG_LEVEL": "critical",
                    "TLS_CERTIFICATE": made.certificate, "TLS_KEY": made.key,
                ]
                try await TestProcess.with("shop-desk", environment: environment) { desk in
                    #expect(desk.addresses["address"]?.hasPrefix("https://") == true)
                    try await expectTold(desk, "shop-desk")
                }
            }
        }
    }

    @Test("a process that listens on every address of its machine is asked on this one, and is not away")
    func everywhere() async throws {
        try await TestDatabase.with(.openShop) { database in
            let environment = ["DATABASE_URL": database.conninfo, "LOG_LEVEL": "critical", "HOST": "0.0.0.0"]
            try await TestProcess.with("order-worker", environment: environment) { worker in
                #expect(worker.addresses["address"]?.hasPrefix("http://0.0.0.0:") == true)
                try await expectTold(worker, "order-worker")
            }
        }
    }

    @Test("what an API handles are the requests that it answers, without those that ask how it is")
    func requests() async throws {
        try await TestDatabase.with(.openShop) { database in
            let environment = ["DATABASE_URL": database.conninfo, "LOG_LEVEL": "critical"]
            try await TestProcess.with("order-api", environment: environment) { api in
                for path in ["/products", "/nothing", "/products"] {
                    let request = HTTPClientRequest(url: (api.addresses["address"] ?? "") + path)
                    let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
                    _ = try await response.body.collect(upTo: 1 << 20)
                }
                try await ServiceFolder.with { folder in
                    try folder.note("order-api", pid: api.processID, address: api.addresses["address"])
                    #expect(try await services(of: folder).first?["handled"] as? Double == 3)
                }
            }
        }
    }

    @Test("a process that answers, and does not tell its health where it says it listens, is neither well nor away")
    func untold() async throws {
        try await TestDatabase.with(.openShop) { database in
            let environment = ["DATABASE_URL": database.conninfo, "LOG_LEVEL": "critical"]
            try await TestProcess.with("order-api", environment: environment) { api in
                try await ServiceFolder.with { folder in
                    let address = (api.addresses["address"] ?? "") + "/nothing"
                    try folder.note("order-api", pid: api.processID, address: address)
                    let troubles = try await services(of: folder).first?["troubles"] as? [String: String]
                    #expect(troubles == ["health": "is not told here (404): see OPERATIONS_FROM"])
                }
            }
        }
    }

    /// That it answers, and is well.
    private func expectTold(_ process: TestProcess, _ name: String) async throws {
        try await ServiceFolder.with { folder in
            try folder.note(name, pid: process.processID, address: process.addresses["address"])
            try await eventually("it is well") {
                let entry = try await services(of: folder).first
                let isWell = entry?["troubles"] as? [String: String] == [:]
                return isWell && entry?["version"] as? String == Broker.libraryVersion
            }
        }
    }

    /// As programs read them.
    private func services(of folder: ServiceFolder) async throws -> [[String: Any]] {
        let json = try await TestProcess.output(of: "shoeshop", ["services", "--folder", folder.path, "--json"])
        return try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [[String: Any]] ?? []
    }
}
