import Foundation
import Synchronization

/// The thread of one connection, as the executor of its actor.
///
/// Runs jobs in the order in which they come: those of the actor, and those of its ``Guests``. Idle, it waits on two
/// descriptors: a wake-up pipe, and the socket of the connection, so that notifications and a server that hangs up are
/// noticed without any polling in time.
final class ConnectionThread: SerialExecutor {
    private enum Job { case ofActor(UnownedJob), ofGuest(UnownedJob, UnownedTaskExecutor) }

    private struct State {
        var jobs: [Job] = []
        var isParked = false
        var isStopped = false
        var socket: Int32 = -1
        var onReadable: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())
    private let identity = Atomic<UInt>(0)
    let wakeUp: WakeUp

    init(name: String) throws(PostgresError) {
        wakeUp = try WakeUp()
        let thread = Thread { [self] in run() }
        thread.name = name
        thread.start()
    }

    func enqueue(_ job: consuming ExecutorJob) { add(.ofActor(UnownedJob(job))) }

    /// Lets tasks run on a connection's thread, so that they need not change threads to use the connection.
    final class Guests: TaskExecutor {
        private let thread: ConnectionThread

        init(of thread: ConnectionThread) { self.thread = thread }

        func enqueue(_ job: consuming ExecutorJob) {
            thread.add(.ofGuest(UnownedJob(job), asUnownedTaskExecutor()))
        }
    }

    private func add(_ job: Job) {
        let mustWake = state.withLock { state in
            state.jobs.append(job)
            defer { state.isParked = false }
            return state.isParked
        }
        if mustWake { wakeUp.ring() }
    }

    /// Calls `action` on this thread whenever the socket has something to read while no job runs.
    func watch(_ socket: Int32, onReadable action: @escaping @Sendable () -> Void) {
        state.withLock {
            $0.socket = socket; $0.onReadable = action
        }
    }

    func stopWatching() {
        state.withLock {
            $0.socket = -1; $0.onReadable = nil
        }
    }

    /// Ends the thread after the jobs that wait already.
    func stop() {
        state.withLock {
            $0.isStopped = true; $0.isParked = false
        }
        wakeUp.ring()
    }

    /// Lets `assumeIsolated` hold for what this thread calls outside of any job.
    func checkIsolated() {
        precondition(identity.load(ordering: .relaxed) == callingThread, "not on the connection's thread")
    }

    private enum Next { case work, park(Int32, (@Sendable () -> Void)?), end }

    private func run() {
        identity.store(callingThread, ordering: .relaxed)
        var jobs: [Job] = []
        while true {
            switch next(&jobs) {
            case .work: for job in jobs { perform(job) }
            case .park(let socket, let onReadable):
                let isReadable = wakeUp.wait(orReadable: socket)
                state.withLock { $0.isParked = false }
                if isReadable { onReadable?() }
            case .end: return
            }
        }
    }

    private func perform(_ job: Job) {
        switch job {
        case .ofActor(let job): job.runSynchronously(on: asUnownedSerialExecutor())
        case .ofGuest(let job, let guests): job.runSynchronously(on: guests)
        }
    }

    /// Exchanges the jobs that are done for those that wait; both buffers are used again and again.
    private func next(_ jobs: inout [Job]) -> Next {
        jobs.removeAll(keepingCapacity: true)
        return state.withLock { state in
            if !state.jobs.isEmpty {
                swap(&state.jobs, &jobs)
                return .work
            }
            if state.isStopped { return .end }
            state.isParked = true
            return .park(state.socket, state.onReadable)
        }
    }
}

/// Makes a waiting `poll` return: a pipe to oneself, which every Unix has.
struct WakeUp: ~Copyable, Sendable {
    private let readEnd: Int32
    private let writeEnd: Int32

    init() throws(PostgresError) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else {
            let reason = String(cString: strerror(errno))
            throw PostgresError(.connectionFailed, "no file descriptor left for a connection: \(reason)")
        }
        (readEnd, writeEnd) = (ends[0], ends[1])
        for end in ends {
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        }
    }

    deinit {
        close(readEnd)
        close(writeEnd)
    }

    func ring() {
        var byte: UInt8 = 1
        // A full pipe fails, and rings all the same.
        _ = write(writeEnd, &byte, 1)
    }

    /// Waits for a ring, or for the socket to have something to read; true for the socket.
    func wait(orReadable socket: Int32) -> Bool {
        wait(socket, for: Int16(POLLIN), timeout: -1).socketIsReady
    }

    struct Outcome { var socketIsReady = false, wasRung = false }

    /// One `poll(2)` on both; `timeout` in milliseconds, -1 waits without end. A socket of -1 is left out.
    func wait(_ socket: Int32, for events: Int16, timeout: Int32) -> Outcome {
        withUnsafeTemporaryAllocation(of: pollfd.self, capacity: 2) { descriptors in
            descriptors[0] = pollfd(fd: readEnd, events: Int16(POLLIN), revents: 0)
            descriptors[1] = pollfd(fd: socket, events: events, revents: 0)
            guard poll(descriptors.baseAddress, 2, timeout) > 0 else { return Outcome() }
            let wasRung = descriptors[0].revents != 0
            if wasRung { drain() }
            return Outcome(socketIsReady: descriptors[1].revents != 0, wasRung: wasRung)
        }
    }

    private func drain() {
        withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { buffer in
            while read(readEnd, buffer.baseAddress, buffer.count) == buffer.count {}
        }
    }
}
