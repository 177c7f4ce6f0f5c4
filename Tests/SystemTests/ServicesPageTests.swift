import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Postgres
import TestSupport
import Testing

@Suite("The desk's page of services", .timeLimit(.minutes(10)))
struct ServicesPageTests {
    @Test("workers that left no note here are seen, and while two versions of one run, both beside each other")
    func elsewhere() async throws {
        try await withDesk { desk, environment in
            @Sendable func version(_ number: String) -> [String: String] {
                environment.merging(["WORKER_VERSION": number]) { $1 }
            }
            try await TestProcess.with("stock-worker", environment: version("41")) { _ in
                try await TestProcess.with("stock-worker", environment: version("42")) { _ in
                    let page = try await desk.page("both are seen") { $0.contains("Versions side by side: 41, 42.") }
                    #expect(page.contains("Workers elsewhere"))
                    for number in ["41", "42"] { #expect(page.contains("<td data-label=\"Version\">\(number)</td>")) }
                    #expect(page.contains(ProcessInfo.processInfo.hostName))
                }
                let page = try await desk.page("one is gone") { !$0.contains("Versions side by side") }
                #expect(page.contains(">41</td>") && !page.contains(">42</td>"))
            }
            _ = try await desk.page("nobody is there") { $0.contains("No worker is known that has left no note here.") }
        }
    }

    @Test("a worker that left a note here is shown once, as a process of this machine, with the version it recorded")
    func here() async throws {
        try await ServiceFolder.with { folder in
            try await withDesk(["SHOP_FOLDER": folder.path]) { desk, environment in
                let own = environment.merging(["WORKER_VERSION": "41"]) { $1 }
                try await TestProcess.with("stock-worker", environment: own) { worker in
                    try folder.note("stock-worker-2", pid: worker.processID, address: worker.addresses["address"])
                    let page = try await desk.page("it is well, and its version is known") {
                        $0.contains(">41</td>") && $0.contains(">ok</span>")
                    }
                    #expect(page.matches(of: />41<\/td>/).count == 1 && page.contains("Processes of this machine"))
                    #expect(page.contains("stock-worker-2"))
                    #expect(page.contains("No worker is known that has left no note here."))
                }
            }
        }
    }

    @Test("servers that left no note here are seen with address and health, at the desk and by command, until they go")
    func servers() async throws {
        try await withDesk { desk, environment in
            try await TestProcess.with("order-api", environment: environment) { api in
                let address = try #require(api.addresses["address"])
                let page = try await desk.page("both are seen") {
                    $0.contains(">order-api</td>") && $0.contains(">shop-desk</td>") && $0.contains(">ok</span>")
                }
                #expect(page.contains("Servers elsewhere") && page.contains(address))
                let told = try await TestProcess.output(
                    of: "shoeshop", ["servers", "--json", "--database-url", desk.database.conninfo])
                #expect(told.contains("\"order-api\"") && told.contains("\"\(address)\""), "\(told)")
            }
            _ = try await desk.page("it is gone") { !$0.contains(">order-api</td>") }
        }
    }

    @Test("a server that left a note here is shown once, as a process of this machine")
    func noted() async throws {
        try await ServiceFolder.with { folder in
            try await withDesk(["SHOP_FOLDER": folder.path]) { desk, _ in
                _ = try await desk.page("it has noted itself in the database") { $0.contains(">shop-desk</td>") }
                try folder.note("the-desk", pid: desk.process.processID, address: desk.process.addresses["address"])
                let page = try await desk.page("it is seen here, and no longer elsewhere") {
                    $0.contains(">the-desk</td>") && !$0.contains(">shop-desk</td>")
                }
                #expect(page.contains("No server is known that has left no note here."))
            }
        }
    }

    @Test("while the database can't be read, the page says so, and shows the processes of this machine all the same")
    func unreadable() async throws {
        try await ServiceFolder.with { folder in
            try await withDesk(["SHOP_FOLDER": folder.path]) { desk, _ in
                try folder.note("the-desk", pid: desk.process.processID, address: desk.process.addresses["address"])
                try await desk.database.script("ALTER TABLE mq.consumers RENAME TO away")
                let page = try await desk.page("it says so") {
                    $0.contains("Which workers there are can&#39;t be read now.")
                }
                #expect(page.contains("the-desk") && page.contains("Which servers there are can&#39;t be read now."))
                try await desk.database.script("ALTER TABLE mq.away RENAME TO consumers")
                _ = try await desk.page("it is read again") { $0.contains("No worker is known") }
            }
        }
    }

    private struct Desk: Sendable {
        let process: TestProcess
        let database: Database

        /// The page, once it is as wanted.
        func page(_ what: String, _ isWanted: (String) -> Bool) async throws -> String {
            try await eventually(what) { () -> String? in
                let request = HTTPClientRequest(url: (process.addresses["address"] ?? "") + "/services")
                let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
                let page = String(buffer: try await response.body.collect(upTo: 1 << 20))
                return response.status == .ok && isWanted(page) ? page : nil
            }
        }
    }

    /// Runs `body` beside a desk, with what other processes need for the same database.
    private func withDesk(
        _ settings: [String: String] = [:],
        _ body: @escaping @Sendable (Desk, [String: String]) async throws -> Void
    ) async throws {
        try await TestDatabase.with(.openShop) { database in
            let environment = ["DATABASE_URL": database.conninfo, "LOG_LEVEL": "critical"]
            try await TestProcess.with("shop-desk", environment: environment.merging(settings) { $1 }) { process in
                try await body(Desk(process: process, database: database), environment)
            }
        }
    }
}
