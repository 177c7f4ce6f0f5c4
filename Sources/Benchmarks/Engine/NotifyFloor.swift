import Dispatch
import Foundation
import Synchronization

/// A ring and its answer, between two bare connections: what waking somebody over the server can't avoid.
public enum NotifyFloor {
    /// The round trips, in milliseconds each, at a steady rate.
    ///
    /// - Parameter writing: whether each ring's transaction also writes, so that it waits for the disk as a send and a claim do.
    public static func roundTrips(
        _ count: Int, _ perSecond: Double, writing: Bool = false, on conninfo: String
    ) async throws -> [Double] {
        let write = writing ? "INSERT INTO rings DEFAULT VALUES; " : ""
        if writing {
            try BareConnection(conninfo).execute("CREATE TABLE IF NOT EXISTS rings (at timestamptz DEFAULT now())")
        }
        let trips = Mutex<[Double]>([])
        _ = try await BareThreads.run(
            2, on: conninfo, prepare: { try $0.execute("LISTEN ping; LISTEN pong") }
        ) { number, connection in
            if number == 0 {
                let measured = try call(count, perSecond, write + "NOTIFY ping", on: connection)
                trips.withLock { $0 = measured }
            } else {
                for _ in 0..<count { try answer(write + "NOTIFY pong", on: connection) }
            }
        }
        return trips.withLock { $0 }
    }

    private static let patience: Int32 = 10_000

    private static func call(
        _ count: Int, _ perSecond: Double, _ ring: String, on connection: borrowing BareConnection
    ) throws -> [Double] {
        let begin = Monotonic.nanoseconds
        return try (0..<count).map { number in
            pause(until: begin + UInt64(Double(number) / perSecond * 1e9))
            let start = Monotonic.nanoseconds
            try connection.execute(ring)
            try hear(2, on: connection)
            return Traffic.milliseconds(from: start, to: Monotonic.nanoseconds)
        }
    }

    private static func answer(_ ring: String, on connection: borrowing BareConnection) throws {
        try hear(1, on: connection)
        try connection.execute(ring)
        try hear(1, on: connection)
    }

    /// Each hears itself, too.
    private static func hear(_ count: Int, on connection: borrowing BareConnection) throws {
        for _ in 0..<count where try !connection.awaitNotification(within: patience) {
            throw BenchmarkFailure("a bare NOTIFY was not heard")
        }
    }

    private static func pause(until nanoseconds: UInt64) {
        let now = Monotonic.nanoseconds
        if now < nanoseconds { Thread.sleep(forTimeInterval: Double(nanoseconds - now) / 1e9) }
    }
}
