import Durations
import Foundation

/// The wall clock of this machine, for metrics only: decisions are left to the database's clock.
enum Wall {
    static var now: Double { Date().timeIntervalSince1970 }
}

extension ContinuousClock.Instant {
    var secondsUntilNow: Double { duration(to: .now).inSeconds }
}
