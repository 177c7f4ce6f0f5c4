import Logging
import ServiceLifecycle
import Testing

@testable import Launch

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

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
    func hangingService() async {
        await #expect(processExitsWith: .exitCode(75)) {
            let group = Deaf.group()
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await group.run() }
                tasks.addTask { await group.triggerGracefulShutdown() }
                try await tasks.waitForAll()
            }
        }
    }

    @Test("a process ends with status 75 also when everything that runs tasks is taken while it stops")
    func blockedThreads() async {
        await #expect(processExitsWith: .exitCode(75)) {
            let group = Deaf.group {
                for _ in 0..<64 { Task.detached { while true { sleep(3600) } } }
            }
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await group.run() }
                tasks.addTask { await group.triggerGracefulShutdown() }
                try await tasks.waitForAll()
            }
        }
    }

    /// Does not hear that it should stop.
    private struct Deaf: Service {
        let whenStopped: @Sendable () -> Void

        func run() async throws {
            await withGracefulShutdownHandler {
                while true { try? await Task.sleep(for: .seconds(3600)) }
            } onGracefulShutdown: {
                whenStopped()
            }
        }

        static func group(whenStopped: @escaping @Sendable () -> Void = {}) -> ServiceGroup {
            let logger = Logger(label: "test")
            return ServiceGroup(
                services: [Deaf(whenStopped: whenStopped), ShutdownLimit(.milliseconds(200), logger: logger)],
                logger: logger)
        }
    }
}
