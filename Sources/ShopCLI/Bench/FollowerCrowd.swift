import AsyncHTTPClient
import Benchmarks
import Foundation
import NIOCore
import NIOHTTP1
import Synchronization

/// A device that follows its customer's timeline, and comes again with its last place whenever it lost its stream.
final class FollowerDevice: Sendable {
    /// What it has seen.
    struct Record: Sendable {
        var place: Int64 = 0
        var told = 0
        var lost = 0
        var twice = 0
        var connections = 0
        /// When places came, while that is measured.
        var times: [(place: Int64, at: ContinuousClock.Instant)] = []
    }

    let customer: Int
    private let token: String
    private let number: Int
    private let doors: [String]
    private let http: HTTPClient
    private let record = Mutex(Record())
    private let isTimed: Atomic<Bool> = .init(false)
    /// How many events it stays for; 0: for ever.
    private let stay: Atomic<Int> = .init(0)

    init(_ number: Int, of customer: Int, token: String, at doors: [String], through http: HTTPClient) {
        (self.number, self.customer, self.token, self.doors, self.http) = (number, customer, token, doors, http)
    }

    var seen: Record { record.withLock { $0 } }

    func time(_ isTimed: Bool) { self.isTimed.store(isTimed, ordering: .relaxed) }

    /// From now on it hangs up after so many events, and comes again at the other door.
    func hurry(_ events: Int) { stay.store(events, ordering: .relaxed) }

    /// Follows until cancelled.
    func run() async {
        while !Task.isCancelled {
            do { try await follow() } catch {
                // Whatever it was, a browser comes again after a while.
                try? await Task.sleep(for: .milliseconds(Int.random(in: 50...500)))
            }
        }
    }

    private func follow() async throws {
        let (door, place) = record.withLock { record in
            record.connections += 1
            return (doors[(number + record.connections) % doors.count], record.place)
        }
        var request = HTTPClientRequest(url: door + "/customers/me/events")
        request.headers = [
            "Authorization": "Bearer \(token)", "Accept": "text/event-stream", "Last-Event-ID": "\(place)",
        ]
        let answer = try await http.execute(request, deadline: .now() + .seconds(30))
        guard answer.status == .ok else { throw BenchmarkFailure("status \(answer.status.code)") }
        var rest = ""
        var left = stay.load(ordering: .relaxed)
        for try await bytes in answer.body {
            rest += String(buffer: bytes)
            let lines = rest.split(separator: "\n", omittingEmptySubsequences: false)
            rest = String(lines.last ?? "")
            for line in lines.dropLast() where line.hasPrefix("id: ") {
                if let place = Int64(line.dropFirst(4)) { note(place) }
                left -= 1
                if left == 0 { return }
            }
            try Task.checkCancellation()
        }
    }

    private func note(_ place: Int64) {
        let now = ContinuousClock.now
        record.withLock { record in
            record.told += 1
            if place <= record.place { record.twice += 1 }
            record.lost += max(0, Int(place - record.place) - 1)
            record.place = max(record.place, place)
            if isTimed.load(ordering: .relaxed) { record.times.append((place, now)) }
        }
    }
}

/// Many of them at once.
struct FollowerCrowd: Sendable {
    let devices: [FollowerDevice]

    /// Runs them while `body` runs.
    func follow<T: Sendable>(_ body: @Sendable () async throws -> T) async throws -> T {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for device in devices { group.addTask { await device.run() } }
            defer { group.cancelAll() }
            return try await body()
        }
    }

    /// Waits until all have come to the last place of their customer.
    func reach(_ places: [Int64], within limit: Duration) async throws {
        let end = ContinuousClock.now + limit
        while let late = devices.first(where: { $0.seen.place < places[$0.customer] }) {
            guard .now < end else {
                throw BenchmarkFailure("a follower stands at \(late.seen.place) of \(places[late.customer])")
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// What they have seen together.
    var sums: (told: Int, lost: Int, twice: Int, connections: Int) {
        var (told, lost, twice, connections) = (0, 0, 0, 0)
        for seen in devices.map(\.seen) {
            told += seen.told
            lost += seen.lost
            twice += seen.twice
            connections += seen.connections
        }
        return (told, lost, twice, connections)
    }

    static func http() -> HTTPClient {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 40_000
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.httpVersion = .http1Only
        return HTTPClient(configuration: configuration)
    }
}
