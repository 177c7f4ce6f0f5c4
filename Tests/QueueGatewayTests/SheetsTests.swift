import MessageQueue
import TestSupport
import Testing

@testable import QueueGateway

@Suite("How queues are set up, as a gateway remembers it")
struct SheetsTests {
    private let hour = Duration.seconds(3600)

    @Test("a crowd that asks for the same at the same time has it read once")
    func crowd() async throws {
        let (reads, begun, gate) = (Tally(0), Tally(0), Places(0))
        let sheets = Sheets<QueueName, Int>(life: hour) { _ in
            reads.change { $0 += 1 }
            await gate.take()
            return 7
        }
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<100 {
                group.addTask {
                    begun.change { $0 += 1 }
                    return try await sheets.sheet(of: "shoes")
                }
            }
            try await eventually("all of them have come") { begun.value == 100 }
            for _ in 0..<100 { gate.giveBack() }
            for try await sheet in group { #expect(sheet == 7) }
        }
        #expect(reads.value == 1)
    }

    @Test("what was read holds as long as a change of it would be told, and no longer than until it was")
    func quiet() async throws {
        let (reads, isQuiet) = (Tally(0), Tally(true))
        let sheets = Sheets<QueueName, Int>(
            life: .zero,
            { _ in
                reads.change { $0 += 1 }
                return reads.value
            }, isQuiet: { _, _ in isQuiet.value })
        for _ in 0..<100 { #expect(try await sheets.sheet(of: "shoes") == 1) }
        isQuiet.change { $0 = false }
        #expect(try await sheets.sheet(of: "shoes") == 2)
    }

    @Test("a reading that began before a change is not kept: whoever made the change reads anew")
    func changed() async throws {
        let (reads, gate) = (Tally(0), Places(0))
        let sheets = Sheets<QueueName, Int>(life: hour) { _ in
            reads.change { $0 += 1 }
            let number = reads.value
            if number == 1 { await gate.take() }
            return number
        }
        async let before = sheets.sheet(of: "shoes")
        try await eventually("it is being read") { reads.value == 1 }
        sheets.forget("shoes")
        #expect(try await sheets.sheet(of: "shoes") == 2)
        gate.giveBack()
        #expect(try await before == 1)
        #expect(try await sheets.sheet(of: "shoes") == 2)
    }
}
