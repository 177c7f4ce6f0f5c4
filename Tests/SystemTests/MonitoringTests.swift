import Foundation
import NIOHTTP1
import Postgres
import TestSupport
import Testing

@Suite("Dashboard and alert rules")
struct MonitoringTests {
    private static let root = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
        .appending(path: "../..").standardized
    private static let folder = root.appending(path: "Documentation/monitoring")

    private func promtool(_ arguments: [String], input: String? = nil) throws -> (status: Int32, text: String) {
        let own = Self.root.appending(path: ".build-promtool/usr/bin").path
        let process = Process()
        let (output, writing) = (Pipe(), Pipe())
        process.executableURL = URL(filePath: "/usr/bin/env")
        let path = "\(own):\(ProcessInfo.processInfo.environment["PATH"] ?? "")"
        process.arguments = ["PATH=\(path)", "promtool"] + arguments
        process.currentDirectoryURL = Self.folder
        (process.standardOutput, process.standardError, process.standardInput) = (output, output, writing)
        try process.run()
        try writing.fileHandleForWriting.write(contentsOf: Data((input ?? "").utf8))
        try writing.fileHandleForWriting.close()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, text)
    }

    @Test("promtool finds the rules right, and they tell what they are to tell of numbers that are played to them")
    func rules() throws {
        let check = try promtool(["check", "rules", "alerts.yml"])
        #expect(check.status == 0, "\(check.text)")
        let played = try promtool(["test", "rules", "alerts-test.yml"])
        #expect(played.status == 0, "\(played.text)")
        let rules = try String(contentsOf: Self.folder.appending(path: "alerts.yml"), encoding: .utf8)
        let tests = try String(contentsOf: Self.folder.appending(path: "alerts-test.yml"), encoding: .utf8)
        for rule in rules.matches(of: /alert: (\w+)/) {
            #expect(tests.contains("alertname: \(rule.1)"), "\(rule.1) is played nothing")
        }
    }

    @Test("promtool finds nothing wrong with what each kind of process exposes")
    func exposition() async throws {
        try await TestDatabase.with(.openShop) { database in
            try await TestProcess.withSandbox(conninfo: database.conninfo) { sandbox, environment in
                for name in ["order-api", "stock-worker", "shop-desk"] {
                    try await TestProcess.with(name, environment: environment) { process in
                        let address = try #require(process.addresses["address"])
                        let shop = ShopUnderTest(
                            database: database, api: process, sandbox: sandbox, environment: environment)
                        let text = String(decoding: try await shop.http(.GET, address + "/metrics").body, as: UTF8.self)
                        let check = try promtool(["check", "metrics"], input: text)
                        // What a metric means is told by the library's page on metrics: swift-metrics has no place for it.
                        let findings = check.text.split(separator: "\n").filter { !$0.hasSuffix("no help text") }
                        #expect(findings.isEmpty && text.contains("mq_build_info"), "\(name): \(findings)")
                    }
                }
            }
        }
    }

    @Test("each metric and label of HTTP that the dashboard and the rules ask for is a documented one")
    func names() throws {
        let documented = try String(
            contentsOf: Self.root.appending(path: "Sources/MessageQueue/MessageQueue.docc/Metrics.md"), encoding: .utf8)
        for file in ["grafana-dashboard.json", "alerts.yml"] {
            let text = try String(contentsOf: Self.folder.appending(path: file), encoding: .utf8)
            for match in text.matches(of: /(mq|postgres|http)_[a-z_]+/) {
                let name = String(match.output.0).replacing(/_bucket$/, with: "")
                #expect(documented.contains("`\(name)`"), "\(file): \(name)")
            }
        }
    }

    @Test("the dashboard is what Grafana reads: panels with places, questions and a source, and a choice of queues")
    func dashboard() throws {
        let data = try Data(contentsOf: Self.folder.appending(path: "grafana-dashboard.json"))
        let board = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        let panels = try #require(board["panels"] as? [[String: Any]])
        #expect(board["schemaVersion"] is Int && board["uid"] is String && panels.count > 15)
        #expect(Set(panels.compactMap { $0["id"] as? Int }).count == panels.count)
        for panel in panels where panel["type"] as? String != "row" {
            #expect((panel["targets"] as? [[String: Any]])?.allSatisfy { $0["expr"] is String } == true)
            #expect(panel["gridPos"] is [String: Any] && panel["datasource"] is [String: Any])
        }
        let variables = (board["templating"] as? [String: Any])?["list"] as? [[String: Any]]
        #expect(variables?.compactMap { $0["name"] as? String } == ["datasource", "queue"])
    }
}
