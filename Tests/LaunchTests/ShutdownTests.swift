import TestSupport
import Testing

@testable import Launch

@Suite("The end of a process has a limit", .timeLimit(.minutes(5)))
struct ShutdownTests {
    @Test(
        "work in flight gets most of the time, and what is left is cancelled before the end",
        arguments: [1, 10, 30, 3600])
    func times(seconds: Int) {
        let times = ShutdownTimes(limit: .seconds(seconds))
        #expect(times.drain >= times.limit / 2)
        #expect(times.drain < times.cancellation && times.cancellation < times.limit)
        #expect(times.limit - times.drain <= .seconds(10))
    }

    @Test("a service that does not stop has its process end with status 75")
    func hangingService() async throws {
        #expect(try await TestProcess.end(of: "test-programs", ["deaf"]).status == 75)
    }

    @Test("a process ends with status 75 also when everything that runs tasks is taken while it stops")
    func blockedThreads() async throws {
        #expect(try await TestProcess.end(of: "test-programs", ["blocked"]).status == 75)
    }
}
