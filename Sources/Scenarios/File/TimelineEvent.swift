/// What happens at a point of the timeline. Lasts until the window's end; what happens in a moment has none.
enum TimelineEvent: Sendable, Equatable {
    /// A third party does wrong, as the sandbox's control port takes it.
    case provider(Provider, ProviderFault)
    /// `kill -9`; the process is started again, as a service manager would.
    case kill(ShopProcess)
    /// SIGSTOP, and SIGCONT at the end.
    case freeze(ShopProcess)
    /// Kills itself when a step reaches a phase for the nth time, each time that it is started again.
    case crash(ShopProcess, Phase, count: Int)
    /// Killed again and again.
    case restartLoop(ShopProcess, every: Duration)
    /// Started anew under another version beside the old ones, which then drain one after the other.
    case deploy(ShopProcess, version: String)
    /// Its wall clock goes wrong by so much.
    case clock(ShopProcess, by: Duration)
    case database(DatabaseFault)
    /// The database is dropped, and another one is there under its name.
    case newDatabase
    case network(ShopProcess, Peer, NetworkFault)
    /// Messages that no step can read, in one queue or in all.
    case poison(queue: String?, count: Int)
    /// An operator sends the dead letters of one queue, or of all, back to work.
    case redrive(queue: String?)

    enum Provider: String, Sendable, CaseIterable {
        case payment, logistics
    }

    /// The points of a step's work where a process can be made to crash.
    enum Phase: String, Sendable, CaseIterable {
        case afterPrepare = "after-prepare"
        case beforeCommit = "before-commit"
        case afterCommit = "after-commit"
    }

    /// Whom a process talks to.
    enum Peer: String, Sendable, CaseIterable {
        case database, payment, logistics
    }
}

/// The executables of the shop that a scenario starts and torments.
enum ShopProcess: String, Sendable, CaseIterable, CodingKeyRepresentable {
    case orderAPI = "order-api"
    case orderWorker = "order-worker"
    case stockWorker = "stock-worker"
    case paymentWorker = "payment-worker"
    case logisticsWorker = "logistics-worker"
}

/// See `shoeshop faults --help`.
struct ProviderFault: Sendable, Equatable {
    enum Mode: String, Sendable, CaseIterable {
        case outage, error, latency, hang, malformed, lostAnswer, duplicateAnswer, drip, flapping
    }

    var mode: Mode
    /// The share of requests that it strikes.
    var rate: Double?
    /// How late an answer is, or how long its bytes drip.
    var latency: Duration?
    /// Of flapping, once down and up.
    var period: Duration?
}

/// What the server suffers. All of them end with the window; those that happen in a moment mend themselves.
enum DatabaseFault: Sendable, Equatable {
    /// `kill -9` of the postmaster and all of its processes; started again at the end.
    case kill
    /// An orderly, fast restart; it stays down until the end.
    case restart
    /// Every backend is terminated, once.
    case terminate
    /// Somebody takes all connections that are left.
    case exhaust
    /// Statements are given so long; sessions that were open before are terminated, so that it holds for all.
    case timeout(Duration)
    /// The file system of the cluster is full.
    case full
    /// A session holds a snapshot.
    case snapshot
    /// A session holds `ACCESS EXCLUSIVE` on a table.
    case lock(table: String)
}

/// What happens to the bytes between a process and its peer.
enum NetworkFault: Sendable, Equatable {
    /// Connections are reset, and new ones refused.
    case cut
    /// Connections stay open, and nothing comes through in either direction.
    case halfOpen
    /// The connections made so far stay open, and nothing comes through them any more; new ones are well. Happens in a moment,
    /// and to these connections for good.
    case silence
    /// Each piece arrives so much later.
    case delay(Duration)
    /// So many bytes a second in each direction.
    case throttle(Int)
}
