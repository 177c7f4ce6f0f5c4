import Foundation
import Testing

@testable import Scenarios

@Suite("the load of a scenario")
struct LoadTests {
    private func arrivals(_ phases: Load.Phase...) throws -> [Double] {
        try Arrivals(of: Load(phases: phases)).all.map(\.due)
    }

    @Test("a constant rate of orders is even, a burst is one moment, and phases follow one another")
    func phases() throws {
        let due = try arrivals(
            .curve(from: 4, to: 4, length: .seconds(1)), .burst(3), .curve(from: 2, to: 2, length: .seconds(1)))
        #expect(due == [0, 0.25, 0.5, 0.75, 1, 1, 1, 1, 1.5])
    }

    @Test("a ramp brings as many orders as its mean rate, ever closer together", arguments: [(0.0, 40.0), (40.0, 0.0)])
    func ramp(from: Double, to: Double) throws {
        let due = try arrivals(.curve(from: from, to: to, length: .seconds(10)))
        #expect(due.count == 200 && due == due.sorted() && due.allSatisfy { (0...10).contains($0) })
        // A ramp up has a quarter of its orders in its first half, a ramp down three quarters.
        let early = due.count { $0 < 5 }
        #expect(abs(early - (to > from ? 50 : 150)) <= 1)
    }

    @Test("a recording of orders is sent as it is, and a line that is none is named")
    func recording() throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "recording-\(UUID().uuidString).jsonl")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(#"{"at": 0.5, "order": {"lines": [1, true, null]}}"#.utf8).write(to: file)
        let arrival = try #require(try Arrivals(of: Load(phases: [.recording(path: file.path)])).all.first)
        #expect(
            arrival.due == 0.5
                && arrival.body.map { String(decoding: $0, as: UTF8.self) } == #"{"lines":[1,true,null]}"#)
        try Data("{\"at\": 0, \"order\": {}}\nnonsense".utf8).write(to: file)
        let error = #expect(throws: ScenarioError.self) {
            try Arrivals(of: Load(phases: [.recording(path: file.path)]))
        }
        #expect(error?.reason == .badRecording && error?.description.contains("line 2") == true)
    }

    @Test("an order of a recording is due within a year", arguments: ["-1", "1e300", "31622401"])
    func recordedTimes(at: String) throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "recording-\(UUID().uuidString).jsonl")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data("{\"at\": \(at), \"order\": {}}".utf8).write(to: file)
        let error = #expect(throws: ScenarioError.self) {
            try Arrivals(of: Load(phases: [.recording(path: file.path)]))
        }
        #expect(error?.reason == .badRecording)
    }

    @Test("a seed repeats its customers, and another seed has others")
    func seeds() throws {
        var customers = Customers()
        (customers.twice, customers.cancel, customers.malformed, customers.declined) = (0.5, 0.5, 0.2, 0.2)
        func made(_ seed: UInt64) throws -> [Data] {
            var maker = WishMaker(customers, products: ["A-1", "B-2", "C-3"], seed: seed)
            let wishes = try maker.wishes(for: Arrivals(of: Load(phases: [.burst(400)])))
            #expect((40...120).contains(wishes.count { $0.kind == .nonsense }))
            #expect((140...260).contains(wishes.count { $0.isTwice }))
            #expect(Set(wishes.map(\.key)).count == 400)
            return wishes.map { $0.body + Data($0.key.utf8) }
        }
        #expect(try made(7) == made(7))
        #expect(try made(7) != made(8))
    }
}

@Suite("made-up scenarios")
struct TortureTests {
    @Test("every seed makes a scenario file that can be read, the same one each time")
    func readable() throws {
        for seed in UInt64(1)...300 {
            var (random, again) = (RandomScenario(seed: seed), RandomScenario(seed: seed))
            let text = random.yaml()
            #expect(text == again.yaml())
            let scenario = try Scenario(yaml: text, file: "\(random.name).yaml", beside: URL(filePath: "/"))
            #expect(scenario.name == random.name && !scenario.load.phases.isEmpty)
        }
    }

    @Test("among a few hundred made-up scenarios is every kind of trouble")
    func complete() throws {
        var kinds: Set<String> = []
        for seed in UInt64(1)...300 {
            var random = RandomScenario(seed: seed)
            let scenario = try Scenario(yaml: random.yaml(), file: "", beside: URL(filePath: "/"))
            for entry in scenario.timeline { kinds.insert(String("\(entry.event)".prefix { $0 != "(" })) }
        }
        let always = ["provider", "kill", "freeze", "crash", "restartLoop", "deploy", "database", "network", "poison"]
        #expect(kinds.isSuperset(of: always), "\(kinds)")
    }
}
