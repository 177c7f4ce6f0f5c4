import CoreMetrics
import HostNames
import Hummingbird
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

@testable import Launch

@Suite("Operations routes")
struct OperationsTests {
    private let registry = PrometheusMetrics()
    private let operations: Operations

    init() { operations = Operations(metrics: registry) }

    private func served(
        to askers: OperationsFrom = .loopback, _ body: (String) async throws -> Void
    ) async throws {
        let router = Router(context: PeerRequestContext.self)
        operations.addRoutes(to: router, from: askers)
        try await serving(router, body)
    }

    private struct Closed: Error, CustomStringConvertible { let description = "the pool is closed" }

    @Test("a process without checks is live and ready")
    func ready() async throws {
        try await served { url async throws in
            #expect(try await ask(url + "/health/live").status == 200)
            #expect(try await ask(url + "/health/ready") == (200, #"{"status":"ok"}"#))
        }
    }

    @Test("readiness names each failing check with its reason, and liveness does not depend on it")
    func notReady() async throws {
        operations.readiness("database") { throw Closed() }
        operations.readiness("provider") {}
        try await served { url async throws in
            let answer = try await ask(url + "/health/ready")
            #expect(answer.status == 503)
            #expect(answer.body == #"{"failures":{"database":"the pool is closed"},"status":"unavailable"}"#)
            #expect(try await ask(url + "/health/live").status == 200)
        }
    }

    @Test("readiness comes back when the failing check passes again")
    func recovers() async throws {
        operations.readiness("database") { throw Closed() }
        try await served { url async throws in
            #expect(try await ask(url + "/health/ready").status == 503)
            operations.readiness("database") {}
            // On a busy machine even this check may not be answered in time, once.
            try await eventually("it is ready") { try await ask(url + "/health/ready").status == 200 }
        }
    }

    @Test("a check that never answers makes the process unready instead of hanging the request")
    func hangingCheck() async throws {
        operations.readiness("database") { try await Task.sleep(for: .seconds(3600)) }
        try await served { url async throws in
            #expect(try await ask(url + "/health/ready").body.contains(#""database":"no answer within 2 s""#))
        }
    }

    private static let paths = ["/metrics", "/health/live", "/health/ready"]
    private static let asStranger: [HTTPHeaders] = [
        ["Host": "shop.example"], ["Host": "shop.example:8080"], ["Host": "127.0.0.1.shop.example"],
        ["Host": "localhost.shop.example"], ["Host": "192.0.2.1:80"],
        ["X-Forwarded-For": "192.0.2.1"], ["Forwarded": "for=192.0.2.1"],
    ]

    @Test("a program of this machine that asks by a name of another, or for somebody behind a proxy, is told nothing")
    func strangers() async throws {
        try await served { url async throws in
            for path in Self.paths {
                for headers in Self.asStranger {
                    let answer = try await ask(url + path, headers)
                    #expect(answer.status == 404 && answer.body.isEmpty, "\(path) \(headers)")
                }
            }
        }
    }

    @Test("a program of this machine is told what it asks for by any name that means the machine")
    func ownNames() async throws {
        try await served { url async throws in
            let names = ["localhost", "LOCALHOST:9", "127.0.0.1:80", "127.8.9.10", "[::1]:80", "0.0.0.0:8080", "[::]"]
            for path in Self.paths {
                for host in names {
                    #expect(try await ask(url + path, ["Host": host]).status == 200, "\(path) \(host)")
                }
            }
        }
    }

    @Test("where anybody may ask, the name that is asked for and proxies don't matter")
    func anywhere() async throws {
        try await served(to: .anywhere) { url async throws in
            for path in Self.paths {
                for headers in Self.asStranger {
                    #expect(try await ask(url + path, headers).status == 200, "\(path) \(headers)")
                }
            }
        }
    }

    @Test(
        "an address of the loopback interface is told from others, also where IPv4 comes as IPv6",
        arguments: [
            ("127.0.0.1", true), ("127.1.2.3", true), ("::1", true), ("::ffff:127.0.0.1", true),
            ("192.0.2.1", false), ("128.0.0.1", false), ("::2", false), ("::ffff:192.0.2.1", false),
            ("fe80::1", false), ("0.0.0.0", false),
        ])
    func peers(address: String, isLoopback: Bool) throws {
        #expect(try SocketAddress(ipAddress: address, port: 80).isLoopback == isLoopback)
    }

    @Test("a name means this machine only if no name server is asked for it")
    func names() {
        for text in ["localhost", "Localhost:1", "127.0.0.1", "127.255.255.255:1", "[::1]", "[::1]:1"] {
            #expect(HostName(text).isLoopback, "\(text)")
        }
        for text in [
            "", ":80", "localhost.", "local", "a.localhost", "127.0.0.1.", "127.0.0", "127.0.0.256", "127.+0.0.1",
            "127.0.0.a", "127..0.1", "1.127.0.0", "::1", "[::1].example", "[::2]", "0.0.0.0", "[::]",
        ] {
            #expect(!HostName(text).isLoopback, "\(text)")
        }
        #expect(HostName.authority("::1", port: 80) == "[::1]:80" && HostName.authority("a.b", port: 1) == "a.b:1")
        #expect(HostName("0.0.0.0:80").isUnspecified && HostName("[::]:80").isUnspecified)
        #expect(HostName("Shop.Example:80").description == "shop.example" && !HostName("[::1]").isUnspecified)
    }

    @Test("metrics are refreshed for each request for them")
    func metrics() async throws {
        let depth = registry.makeMeter(label: "depth", dimensions: [])
        operations.beforeMetrics { depth.increment(by: 1) }
        try await served { url async throws in
            #expect(try await ask(url + "/metrics").body == "# TYPE depth gauge\ndepth 1\n")
            #expect(try await ask(url + "/metrics").body == "# TYPE depth gauge\ndepth 2\n")
        }
    }
}
