import Logging
import TestSupport
import Testing

@testable import MessageQueue

@Suite("What operators ask for and takes long", .timeLimit(.minutes(5)))
struct ErrandsTests {
    @Test("an operator's errand is refused while too much is under way, and taken again once something has ended")
    func tooMany() async throws {
        let errands = Errands(logger: Logger(label: "tests"))
        let places = Places(0)
        let (begun, ended) = (Tally(0), Tally(0))
        let errand: Errands.Errand = {
            begun.change { $0 += 1 }
            await places.take()
            ended.change { $0 += 1 }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await errands.run() }
            for _ in 0..<Errands.most { try errands.ask(errand) }
            try await eventually("all of them are under way") { begun.value == Errands.most }
            #expect(throws: Errands.AreTooMany.self) { try errands.ask(errand) }
            #expect(throws: Errands.AreTooMany.self) { try errands.ask(errand) }
            places.giveBack()
            try await eventually("one more is taken") { (try? errands.ask(errand)) != nil }
            for _ in 0..<Errands.most { places.giveBack() }
            try await eventually("all of them have ended") { ended.value == Errands.most + 1 }
            group.cancelAll()
        }
        #expect(throws: Errands.AreTooMany.self) { try errands.ask(errand) }
    }
}
