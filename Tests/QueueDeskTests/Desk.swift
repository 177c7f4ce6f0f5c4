import AsyncHTTPClient
import Foundation
import MessageQueue
import NIOCore
import NIOHTTP1
import Postgres
import ShoeShop
import TestSupport
import Testing

/// Every test here runs a process of its own; on a small machine they would only starve each other.
@Suite("shop-desk", .serialized, .timeLimit(.minutes(10)))
struct DeskTests {}

/// A running desk, and the queues behind it.
struct Desk: Sendable {
    let address: String
    let process: TestProcess
    let broker: Broker
    let database: Database

    static func with(
        _ environment: [String: String] = [:], log: String? = nil,
        before: @escaping @Sendable (Database) async throws -> Void = { _ in },
        _ body: @escaping @Sendable (Desk) async throws -> Void
    ) async throws {
        try await TestDatabase.with(.desk) { database in
            try await before(database)
            let own = ["DATABASE_URL": database.conninfo, "LOG_LEVEL": "error"]
            try await TestProcess.with("shop-desk", environment: own.merging(environment) { $1 }, log: log) { process in
                try await body(
                    Desk(
                        address: process.addresses["address"] ?? "", process: process, broker: Broker(database),
                        database: database))
            }
        }
    }

    /// The page as an operator's browser asks for it.
    func page(_ path: String, _ headers: HTTPHeaders = [:]) async throws -> String {
        let answer = try await send(.GET, path, headers: headers)
        try #require(answer.status == 200, "\(path): \(answer.status) \(answer.text)")
        return answer.text
    }

    /// A form as the desk's own page sends it.
    func post(_ path: String, _ form: String, _ headers: HTTPHeaders = ["Sec-Fetch-Site": "same-origin"]) async throws
        -> Answer
    {
        let type = [("Content-Type", "application/x-www-form-urlencoded")]
        return try await send(.POST, path, form, headers: HTTPHeaders(type + Array(headers)))
    }

    func send(
        _ method: HTTPMethod, _ path: String, _ body: String? = nil, headers: HTTPHeaders = [:]
    ) async throws -> Answer {
        try await Self.send(method, to: address + path, body, headers: headers)
    }

    static func send(
        _ method: HTTPMethod, to url: String, _ body: String? = nil, headers: HTTPHeaders = [:]
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: url)
        request.method = method
        request.headers = headers
        if let body { request.body = .bytes(ByteBuffer(string: body)) }
        let response = try await http.execute(request, timeout: .seconds(60))
        return Answer(
            status: Int(response.status.code), headers: response.headers,
            text: String(buffer: try await response.body.collect(upTo: 1 << 24)))
    }

    /// Gives messages up until so many are dead.
    func kill(_ count: Int, in queue: Queue<String> = Queue("payment"), error: String = "the card is away") async throws
    {
        let messages = (0..<count).map { Outgoing("<b>\($0)</b>", key: "order-\($0)") }
        try await broker.send(messages, to: queue)
        var left = count
        while left > 0 {
            let received = try await broker.receive(queue.name, limit: left, lease: .seconds(60))
            try await broker.deadLetter(received.map { .init($0, reason: "tired", error: error) })
            left -= received.count
        }
    }

    /// What a form carries of the dead letters that its page counted.
    func counted() async throws -> String {
        let match = try await broker.deadLetterMatch()
        return "expected=\(match.count)&through=\(match.lastTicket ?? 0)"
    }

    /// Lets so many messages fail, to be tried again in an hour.
    func fail(_ count: Int, in queue: Queue<String> = Queue("payment")) async throws {
        try await broker.send((0..<count).map { Outgoing("\($0)", key: "order-\($0)") }, to: queue)
        var left = count
        while left > 0 {
            let received = try await broker.receive(queue.name, limit: left, lease: .seconds(60))
            try await broker.retry(received.map { .init($0, after: .seconds(3600), error: "the carrier is away") })
            left -= received.count
        }
    }

    /// 64 connections to a desk, so that as many requests are under way at once.
    private static let http: HTTPClient = {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 64
        configuration.httpVersion = .http1Only
        return HTTPClient(configuration: configuration)
    }()
}

struct Answer: Sendable {
    let status: Int
    let headers: HTTPHeaders
    let text: String
}

extension Template {
    static let desk = Template("desk", migrations: [.messageQueue, .shop]) { database in
        try await Broker(database).declare(Topology.shop)
    }
}
