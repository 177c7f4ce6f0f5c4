import Foundation
import MessageQueue
import Testing

@testable import Scenarios

@Suite("scenario files")
struct ScenarioFileTests {
    private static let good = """
        name: example
        teaches: That files can be read.
        story: Something happens.
        load:
          - {rate: 20, for: 5s}
          - {from: 20, to: 40, for: 500ms}
          - burst: 100
        customers: {declined: 0.1, twice: 0.5, patience: 2s}
        processes: {payment-worker: 2}
        stock: 20
        queues:
          logistics: {attempts: 4, back-off: 100ms}
        timeline:
          - {at: 1s, for: 2s, provider: logistics, fault: lost-answer, rate: 0.5}
          - {at: 1s, kill: stock-worker}
          - {at: 2s, for: 1s, network: payment-worker, to: database, fault: half-open}
          - {at: 2s, clock: order-worker, by: -3h}
          - {at: 3s, network: order-api, to: database, fault: silence}
        expect:
          recovered: 10s
          finished: 30s
          accepted: all
          delivered: ">=95%"
          dead: 1..3
          rejected: {out-of-stock: 80}
        """

    private func problems(_ yaml: String) -> [ScenarioProblem] {
        do {
            _ = try Scenario(yaml: yaml, file: "example.yaml", beside: URL(filePath: "/"))
            return []
        } catch {
            return (error as? ScenarioFileError)?.problems ?? []
        }
    }

    @Test("every field of a scenario file arrives in the scenario")
    func fields() throws {
        let scenario = try Scenario(yaml: Self.good, file: "example.yaml", beside: URL(filePath: "/"))
        #expect(
            scenario.load.phases == [
                .curve(from: 20, to: 20, length: .seconds(5)), .curve(from: 20, to: 40, length: .milliseconds(500)),
                .burst(100),
            ])
        #expect(scenario.customers.patience == .seconds(2) && scenario.customers.twice == 0.5)
        #expect(scenario.shop.count(of: .paymentWorker) == 2 && scenario.shop.count(of: .orderAPI) == 1)
        #expect(scenario.shop.queues["logistics"]?.attempts == 4)
        #expect(
            scenario.timeline.map(\.event) == [
                .provider(.logistics, ProviderFault(mode: .lostAnswer, rate: 0.5)), .kill(.stockWorker),
                .network(.paymentWorker, .database, .halfOpen), .clock(.orderWorker, by: .seconds(-10_800)),
                .network(.orderAPI, .database, .silence),
            ])
        #expect(scenario.expectations.dead == 1...3 && scenario.expectations.recovered == .seconds(10))
        #expect(scenario.expectations.finished == .seconds(30))
        #expect(scenario.expectations.delivered?.holds(95, of: 100) == true)
        #expect(scenario.expectations.delivered?.holds(94, of: 100) == false)
    }

    @Test(
        "what is wrong with a scenario file is named with its line and its field, and how to mend it",
        arguments: [
            ("{rate: 20, for: 5s}", "{rate: 20}", 5, "load[1]", "`rate` with `for`"),
            ("kill: stock-worker", "kill: stock-wroker", 15, "timeline[2].kill", "one of order-api, order-worker"),
            ("kill: stock-worker", "kil: stock-worker", 15, "timeline[2]", "has `at` and one of"),
            ("declined: 0.1", "declined: 1.1", 8, "customers.declined", "a number from 0 to 1"),
            ("rate: 0.5}", "rat: 0.5}", 14, "timeline[1].rat", "unknown field; known here: at, for"),
            ("fault: half-open", "fault: outage", 16, "timeline[3].fault", "one of cut, half-open, silence, delay"),
            ("  logistics: {", "  logistic: {", 12, "queues.logistic", "is no queue of the shop: orders"),
            ("recovered: 10s", "recovered: soon", 20, "expect.recovered", "a duration such as 250ms"),
            ("at: 1s, kill", "at: 1s, for: 2s, kill", 15, "timeline[2].for", "leave `for` out"),
            ("at: 3s, net", "at: 3s, for: 2s, net", 18, "timeline[5].for", "leave `for` out"),
            ("recovered: 10s", "recovered: 1e300h", 20, "expect.recovered", "366d at the most"),
            ("accepted: all", #"accepted: ">=1e13""#, 22, "expect.accepted", "an amount"),
            ("accepted: all", #"accepted: "<=-1""#, 22, "expect.accepted", "an amount"),
            ("dead: 1..3", "dead: nan", 24, "expect.dead", "an amount"),
            ("dead: 1..3", "dead: 1..1e300", 24, "expect.dead", "an amount"),
            ("{rate: 20, for: 5s}", "{rate: 5000, for: 366d}", 5, "load[1]", "at most 10000000 orders"),
        ])
    func problems(right: String, wrong: String, line: Int, field: String, hint: String) {
        let found = problems(Self.good.replacing(right, with: wrong))
        #expect(found.contains { $0.line == line && $0.field == field && $0.what.contains(hint) }, "\(found)")
    }

    @Test("all of what is wrong with a scenario file is told at once, in the order of the lines")
    func several() {
        let found = problems(Self.good.replacing("stock: 20", with: "stock: many").replacing("at: 2s,", with: ""))
        #expect(found.map(\.line) == found.map(\.line).sorted { ($0 ?? 0) < ($1 ?? 0) })
        #expect(found.count == 3, "\(found)")
    }

    @Test("a scenario file that is no YAML, or empty, is refused with a reason", arguments: ["a: [", "", "- 1"])
    func nonsense(text: String) { #expect(!problems(text).isEmpty) }
}
