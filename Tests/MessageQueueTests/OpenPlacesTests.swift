import Postgres
import Testing

@testable import MessageQueue

@Suite("What is remembered of open places")
struct OpenPlacesTests {
    @Test("of very many runs the first of each lane are remembered, and the rest is looked at anew")
    func bounded() async throws {
        let few = OpenPlaces(runs: [.init(lane: 0, first: 5, last: 9)], cursors: [20, 30])
        #expect(few.bounded == few)
        let runs = (0..<Int64(6000)).map { number in
            PlaceRun(lane: Int16(number % 2), first: number * 10, last: number * 10 + 3)
        }
        let bounded = OpenPlaces(runs: runs, cursors: [70_000, 70_000]).bounded
        #expect(bounded.runs.count == OpenPlaces.mostRuns)
        #expect(bounded.cursors == [40_943, 40_953])
        #expect(bounded.runs.allSatisfy { $0.last <= bounded.cursors[Int($0.lane)] })
        #expect(bounded.watermarks == [-1, 9])
    }

    @Test("what is remembered is added to, run by run, and finds the same as a look that remembers nothing")
    func addedTo() async throws {
        try await Bench.with(.init(lanes: 2)) { bench in
            let entry = try await bench.entry()
            var held: [ReceivedMessage] = []
            for round in 0..<12 {
                try await bench.send(9, from: round * 9)
                held += try await bench.broker.receive("shoes", limit: 5 + round % 3, lease: .seconds(3600))
                // Neither in the order of their places nor all of a claim.
                let done = held.enumerated().filter { $0.offset % 3 == round % 3 }.map(\.element)
                held.removeAll { done.contains($0) }
                try await bench.broker.complete(done)
                let remembered = try await bench.broker.openPlaces(of: entry, noting: bench.memory)
                #expect(try await remembered == bench.broker.openPlaces(of: bench.queue, on: bench.database))
                #expect(remembered.count == held.count)
            }
        }
    }

    @Test("memory of places that this log doesn't reach, as of a server that came back older, is not gone by")
    func olderLog() async throws {
        try await Bench.with(.init(lanes: 1)) { bench in
            try await bench.send(3)
            let held = try await bench.broker.receive("shoes", limit: 3, lease: .seconds(3600))
            let last = try #require(held.last).receipt.seq
            let ahead = OpenPlaces(runs: [.init(lane: 0, first: last + 5, last: last + 6)], cursors: [last + 10])
            let open = try await bench.broker.openPlaces(of: bench.queue, since: ahead, on: bench.database)
            #expect(open.count == 3 && open.cursors == [last])
        }
    }

    @Test("who never finds a queue empty moves its watermarks, so that to count what is in flight stays cheap")
    func neverEmpty() async throws {
        try await Bench.with(.init(lanes: 1)) { bench in
            try await bench.send(300)
            for _ in 0..<250 {
                try await bench.broker.complete(bench.broker.receive("shoes", lease: .seconds(3600)))
            }
            let behind = try await bench.number("SELECT max(last_seq) - max(watermark) FROM mq.claims")
            #expect(behind <= 200)
        }
    }

    @Test("of places whose leases end at different times, those that have ended come back, and the next end is told")
    func ends() async throws {
        try await Bench.with(.init(lanes: 1)) { bench in
            try await bench.send(6)
            let held = try await bench.broker.receive("shoes", limit: 4, lease: .seconds(3600))
            let rest = try await bench.broker.receive("shoes", limit: 2, lease: .seconds(1800))
            _ = try await bench.broker.changeVisibility(of: held[1].receipt, to: .zero)
            _ = try await bench.broker.changeVisibility(of: held[2].receipt, to: .seconds(7200))
            let entry = try await bench.entry()
            func look() async throws -> Duration? {
                try await bench.broker.rescueEnded(
                    bench.broker.openPlaces(of: entry, noting: bench.memory), in: entry)
            }
            // There may be more.
            #expect(try await look() == .zero)
            let next = try #require(try await look())
            #expect(next > .seconds(1700) && next <= .seconds(1800))
            try await bench.broker.complete(rest + [held[0], held[3]])
            let last = try #require(try await look())
            #expect(last > .seconds(7000) && last <= .seconds(7200))
            #expect(try await bench.statistics().inFlight == 1)
            #expect(
                try await bench.broker.receive("shoes", limit: 9, lease: .seconds(60)).map(\.message.id) == [
                    held[1].message.id
                ])
            #expect(try await bench.audit() == [])
        }
    }
}
