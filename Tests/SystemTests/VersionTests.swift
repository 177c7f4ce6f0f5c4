import MessageQueue
import NIOHTTP1
import TestSupport
import Testing

@Suite("Every program tells the version of the library that it is made with")
struct VersionTests {
    @Test(
        "every program tells its version, asked for it, without being given a database",
        arguments: ShopUnderTest.workers + [
            "order-api", "shop-desk", "message-gateway", "provider-sandbox", "coupled-shop",
        ])
    func answer(program: String) async throws {
        #expect(try await TestProcess.output(of: program, ["--version"]) == "\(program) \(Broker.libraryVersion)\n")
    }

    @Test("the command line tells its version")
    func commandLine() async throws {
        #expect(try await TestProcess.output(of: "shoeshop", ["--version"]) == "\(Broker.libraryVersion)\n")
    }

    @Test("the library's version is three numbers, as semver.org has it")
    func semantic() {
        #expect(Broker.libraryVersion.wholeMatch(of: /\d+\.\d+\.\d+/) != nil)
    }
}

extension SystemTests {
    @Test("a running program tells its version in its metrics")
    func versionInMetrics() async throws {
        try await ShopUnderTest.with(workers: ["order-worker"]) { shop, workers in
            for program in [shop.api] + workers {
                let metrics = try await shop.http(.GET, "\(program.addresses["address"] ?? "")/metrics").body
                let line = "mq_build_info{version=\"\(Broker.libraryVersion)\"} 1"
                #expect(String(decoding: metrics, as: UTF8.self).split(separator: "\n").contains { $0 == line })
            }
        }
    }
}
