/// Does something again and again until it is stopped, for an hour at the longest.
final class Repetition: Sendable {
    private let task: Task<Void, Never>

    init(every pause: Duration, _ work: @escaping @Sendable () async -> Void) {
        // Awaited by `stop()`.
        task = Task {
            let end = ContinuousClock.now + .seconds(3600)
            // A cancelled sleep means that it was stopped.
            while ContinuousClock.now < end, (try? await Task.sleep(for: pause)) != nil { await work() }
        }
    }

    /// The last turn has ended when this returns.
    func stop() async {
        task.cancel()
        await task.value
    }
}
