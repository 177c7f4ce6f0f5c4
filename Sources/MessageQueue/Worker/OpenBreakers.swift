import Synchronization

/// The breakers of a worker that are open, for the heartbeat to tell.
final class OpenBreakers: Sendable {
    private let reasons = Mutex<[String: String]>([:])

    /// By queue, what the third party said.
    var current: [String: String] { reasons.withLock { $0 } }

    func note(_ event: WorkerEvent) {
        switch event {
        case .breakerOpened(let queue, let error):
            reasons.withLock { $0[queue.text] = error.storable(upTo: Self.reasonBytes) }
        case .breakerClosed(let queue): reasons.withLock { $0[queue.text] = nil }
        default: break
        }
    }

    private static let reasonBytes = 500
}
