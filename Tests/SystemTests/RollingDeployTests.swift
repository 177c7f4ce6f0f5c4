import Foundation
import MessageQueue
import NIOHTTP1
import Postgres
import ShoeShop
import TestSupport
import Testing

extension SystemTests {
    @Test(
        "while orders come in the next version's schema lands under this version's programs: no order is lost, nobody is ever unready"
    )
    func expand() async throws {
        try await ShopUnderTest.with { shop, workers in
            let programs = [shop.api] + workers
            let watch = ReadinessWatch()
            let accepted = try await watch.over(programs, of: shop) {
                try await shop.underLoad { accepted in
                    try await eventually("orders are on their way") { try await shop.count(status: "dispatched") > 20 }
                    let before = accepted.value.count
                    #expect(
                        try await NextVersion.expanding.run(on: shop.database) == ["0002_notes", "0002_gift_notes"])
                    // Scaled up meanwhile: this version's programs also begin beside the next one's schema.
                    try await shop.start(["stock-worker"]) { more in
                        try await watch.over(more, of: shop) {
                            try await eventually("orders come and go as before") {
                                try await shop.count(status: "dispatched") > before + 100
                            }
                        }
                    }
                }
            }
            try await shop.expectBalance(accepted: accepted)
            #expect(watch.complaints.value == [])
            #expect(watch.answers.value > 10 * programs.count)
            #expect(programs.allSatisfy { !$0.hasEnded })
            #expect(try await Broker(shop.database).deadLetters().isEmpty)
            try await NextVersion.expanding.verify(on: shop.database)
        }
    }

    @Test("segments come and go with the next version's columns, under this version's programs")
    func expandThenRotate() async throws {
        try await ShopUnderTest.with { shop, _ in
            var orders = try await shop.submit(20)
            try await NextVersion.expanding.run(on: shop.database)
            orders += try await shop.submit(20)
            try await eventually("the first segment is gone", within: .seconds(120)) {
                orders += try await shop.submit(5)
                // Whoever starts looks after the segments at once, and whatever holds it up, the next one tries again.
                try await shop.start(["order-worker"], settings: ["RETENTION": "1s"]) { started in
                    try await shop.lookedAfterSegments(started[0])
                }
                return try await shop.database.query("SELECT min(segment) > 1 FROM mq.segments") {
                    try $0[0, as: Bool.self]
                } == [true]
            }
            orders += try await shop.submit(20)
            try await shop.expectBalance(accepted: orders)
        }
    }

    @Test(
        "once a schema takes away what programs need, those at work are unready, new ones don't start, and both name the way out",
        arguments: ["shoe-shop", "message-queue"])
    func contract(name: String) async throws {
        let line = try #require(NextVersion.contracting.first { $0.name == name })
        try await ShopUnderTest.with { shop, workers in
            let orders = try await shop.submit(20)
            try await shop.expectBalance(accepted: orders)
            try await NextVersion.expanding.run(on: shop.database)
            try await Migrator(line).run(on: shop.database)
            let refusal =
                "the database has version 3 of \(name), which works with programs of version 2 and newer, "
                + "and this program is version 1: use a newer program"
            for program in [shop.api] + workers {
                let answer = try await shop.readiness(of: program)
                #expect(answer.status == 503 && answer.body.contains("\"database\":\"\(refusal)\""), "\(answer.body)")
            }
            for program in ["order-api"] + ShopUnderTest.workers {
                let end = try await TestProcess.end(
                    of: program, [], environment: shop.environment.merging(["PORT": "0", "LOG_LEVEL": "error"]) { $1 })
                #expect(end.status == 1 && (end.output + end.complaint).contains(refusal), "\(end)")
            }
        }
    }
}

/// Asks programs again and again whether they are ready, and keeps what they say when they are not.
private struct ReadinessWatch: Sendable {
    let answers = Tally(0)
    let complaints = Tally<[String]>([])

    func over<T: Sendable>(
        _ programs: [TestProcess], of shop: ShopUnderTest, _ body: @Sendable () async throws -> T
    ) async throws -> T {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for program in programs {
                group.addTask { while !Task.isCancelled { await ask(program, of: shop) } }
            }
            let value = try await body()
            group.cancelAll()
            return value
        }
    }

    private func ask(_ program: TestProcess, of shop: ShopUnderTest) async {
        guard let answer = try? await shop.readiness(of: program) else {
            if !Task.isCancelled { complaints.change { $0.append("no answer") } }
            return
        }
        answers.change { $0 += 1 }
        if answer.status != 200 { complaints.change { $0.append(answer.body) } }
        // As often as an orchestrator never would, and seldom enough to leave the machine to the shop.
        try? await Task.sleep(for: .milliseconds(20))
    }
}

extension ShopUnderTest {
    fileprivate func readiness(of program: TestProcess) async throws -> (status: Int, body: String) {
        let answer = try await http(.GET, "\(program.addresses["address"] ?? "")/health/ready")
        return (answer.status, String(decoding: answer.body, as: UTF8.self))
    }

    /// Waits until a worker has tried to open a segment, and to drop those that are old.
    fileprivate func lookedAfterSegments(_ worker: TestProcess) async throws {
        try await eventually("it looks after the segments") {
            let metrics = String(
                decoding: try await http(.GET, "\(worker.addresses["address"] ?? "")/metrics").body, as: UTF8.self)
            return ["open segments", "drop segments"].allSatisfy { chore in
                ["mq_chore_done_timestamp_seconds", "mq_chore_failures_total"].contains { name in
                    metrics.contains("\(name){chore=\"\(chore)\"}")
                }
            }
        }
    }

    /// Submits orders for as long as `body` takes.
    ///
    /// - Returns: all that were accepted.
    fileprivate func underLoad(_ body: @Sendable (_ accepted: Tally<[OrderID]>) async throws -> Void) async throws
        -> [OrderID]
    {
        let accepted = Tally<[OrderID]>([])
        let isOver = Tally(false)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                while !isOver.value {
                    let more = try await submit(16)
                    accepted.change { $0 += more }
                }
            }
            try await body(accepted)
            isOver.change { $0 = true }
            try await group.waitForAll()
        }
        return accepted.value
    }
}
