import DequeModule

/// Who has which connection, and who waits: decisions only, no clock, no I/O, no lock.
struct PoolState<Resource, Waiter>: ~Copyable {
    enum Lease { case use(Resource), open, wait, refuse(Refusal) }
    enum Refusal { case tooManyWaiting, closed, noPlaces }
    enum Handover { case give(Resource, to: Waiter), open(for: Waiter), keep, drop(Resource?) }

    let limit: Int
    let waiterLimit: Int
    private var idle: [Resource] = []
    private var waiters: Deque<(id: Int, waiter: Waiter)> = []
    /// Connections that exist or are being opened.
    private(set) var count = 0
    private(set) var isClosed = false

    init(limit: Int, waiterLimit: Int) {
        self.limit = limit
        self.waiterLimit = waiterLimit
    }

    var idleCount: Int { idle.count }
    var waiterCount: Int { waiters.count }

    /// The most recently used connection is the warmest, so it goes first.
    mutating func lease() -> Lease {
        if isClosed { return .refuse(.closed) }
        // Whoever waited for one of no places would wait in vain.
        if limit < 1 { return .refuse(.noPlaces) }
        if let resource = idle.popLast() { return .use(resource) }
        if count < limit {
            count += 1
            return .open
        }
        return waiters.count < waiterLimit ? .wait : .refuse(.tooManyWaiting)
    }

    /// Joins the queue, unless a connection has become available since ``lease()`` said to wait.
    mutating func enqueue(_ waiter: Waiter, id: Int) -> Handover? {
        if isClosed { return .drop(nil) }
        if let resource = idle.popLast() { return .give(resource, to: waiter) }
        if count < limit {
            count += 1
            return .open(for: waiter)
        }
        waiters.append((id, waiter))
        return nil
    }

    mutating func abandon(id: Int) -> Waiter? {
        guard let index = waiters.firstIndex(where: { $0.id == id }) else { return nil }
        return waiters.remove(at: index).waiter
    }

    /// A healthy connection comes back.
    mutating func release(_ resource: Resource) -> Handover {
        if isClosed {
            count -= 1
            return .drop(resource)
        }
        if let next = waiters.popFirst() { return .give(resource, to: next.waiter) }
        idle.append(resource)
        return .keep
    }

    /// A connection is gone, or could not be opened; the place it had goes to whoever waits.
    mutating func lose() -> Handover {
        count -= 1
        guard !isClosed, let next = waiters.popFirst() else { return .drop(nil) }
        count += 1
        return .open(for: next.waiter)
    }

    /// Idle connections that are of no more use are forgotten.
    mutating func removeIdle(where isUseless: (Resource) -> Bool) {
        let before = idle.count
        idle.removeAll(where: isUseless)
        count -= before - idle.count
    }

    mutating func close() -> (idle: [Resource], waiters: [Waiter]) {
        isClosed = true
        defer {
            count -= idle.count
            idle = []
            waiters = []
        }
        return (idle, waiters.map(\.waiter))
    }
}
