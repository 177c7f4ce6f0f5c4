import Durations
import Foundation

extension Channel {
    /// The state of one exchange's waiting: whether, why and until when it has been cancelled.
    struct Wait {
        let start = ContinuousClock.now
        let silenceLimit: Duration
        /// Until when something has to be heard; where the call has a deadline, the server is asked about then.
        var silenceEnd: ContinuousClock.Instant
        var isRefused = false
        /// Everything ahead of the commit has been answered.
        private(set) var isCommitting = false
        /// When a commit whose time is up is given up.
        var commitEnd: ContinuousClock.Instant?
        var cancelReason: Interrupt.Reason?
        var graceEnd: ContinuousClock.Instant?
        var nextCancel: ContinuousClock.Instant?
        /// The last cancel request; there is one under way at most.
        var request: CancelRequest?
        var inquiry: Inquiry?
        /// How often in turn it was found that nothing will be heard.
        private(set) var fruitlessInquiries = 0

        init(upTo silenceLimit: Duration) {
            self.silenceLimit = silenceLimit
            silenceEnd = start + silenceLimit
        }

        mutating func heard() {
            silenceEnd = .now + silenceLimit
            (inquiry, fruitlessInquiries) = (nil, 0)
        }

        /// Its time is up already, and so is that of the server.
        var isEnding: Bool { graceEnd != nil || commitEnd != nil }

        /// What an inquiry has found holds until something is heard, or the server is asked again.
        mutating func note(_ finding: Inquiry.Finding, until end: ContinuousClock.Instant) {
            silenceEnd = end
            inquiry = nil
            fruitlessInquiries = finding == .atWork ? 0 : fruitlessInquiries + 1
        }

        /// What the server refused it does not commit.
        mutating func commitBegins() { isCommitting = !isRefused }

        /// A request that is still under way must not hit the next statement.
        func settleCancel() throws {
            guard let request, let graceEnd, !request.wait(until: max(graceEnd, .now + cancelAgain)) else { return }
            throw PostgresError(.connectionLost, "a cancel request did not come through")
        }

        /// What failed because it was cancelled is told as a cancellation; whatever else went wrong as what it is.
        func explain(_ failure: any Error) -> any Error {
            guard let cancelReason, let error = failure as? PostgresError, error.sqlState == "57014" else {
                return failure
            }
            return cancelReason.error(in: error.statement)
        }
    }
}

/// How long the server is waited for, and what is done when it takes longer.
extension Channel {
    /// How long the server may take to react to a cancel request before the connection is given up.
    static let cancelGrace = Duration.seconds(3)
    /// How long a COMMIT may take beyond the time of its call, before the connection is given up.
    private static let commitGrace = Duration.seconds(1)
    /// A cancel request that comes before the server has begun with the statement is ignored, so it is made again.
    static let cancelAgain = Duration.milliseconds(200)

    /// Waits until the socket is ready.
    ///
    /// - Throws: ``PostgresError`` of kind `connectionLost` once the server is given up.
    func wait(_ waiting: inout Wait, for events: Int16) throws {
        while true {
            var end = interrupt?.deadline ?? waiting.silenceEnd
            if waiting.isCommitting {
                end = try commitEnd(&waiting)
            } else if let graceEnd = waiting.graceEnd {
                guard ContinuousClock.now < graceEnd else {
                    throw gaveUp(waiting, "the server did not react to a cancel request")
                }
                end = min(graceEnd, cancelAgain(&waiting))
            } else if let reason = reason(of: waiting) {
                waiting.cancelReason = reason
                waiting.graceEnd = .now + Self.cancelGrace
                continue
            }
            if let look = try lookAfterServer(&waiting) { end = min(end, look) }
            let timeout = Int32(clamping: max(1, ContinuousClock.now.duration(to: end).wholeMilliseconds))
            guard thread.wakeUp.wait(link.socket, for: events, timeout: timeout).socketIsReady else { continue }
            return waiting.heard()
        }
    }

    /// Until when to wait for a commit, or until its time may be up.
    private func commitEnd(_ waiting: inout Wait) throws -> ContinuousClock.Instant {
        guard reason(of: waiting) != nil else { return interrupt?.deadline ?? waiting.silenceEnd }
        let end = waiting.commitEnd ?? .now + Self.commitGrace
        waiting.commitEnd = end
        guard ContinuousClock.now < end else {
            hasUnansweredCommit = true
            throw gaveUp(waiting, "it was not answered in time")
        }
        return end
    }

    /// Why the call should end now. One without a deadline goes on for as long as something is heard.
    private func reason(of waiting: Wait) -> Interrupt.Reason? {
        if let reason = interrupt?.reason { return reason }
        return interrupt?.deadline == nil && waiting.silenceEnd <= .now ? .deadlineExceeded : nil
    }

    func gaveUp(_ waiting: Wait, _ why: String) -> PostgresError {
        silentSince = waiting.start
        return lost(why)
    }

    /// Asks the server to stop what runs, unless it was asked just now; answers when to ask again.
    private func cancelAgain(_ waiting: inout Wait) -> ContinuousClock.Instant {
        let now = ContinuousClock.now
        if let next = waiting.nextCancel, now < next { return next }
        if waiting.request?.isOver != false { waiting.request = link.cancelRunningStatement() }
        waiting.nextCancel = now + Self.cancelAgain
        return now + Self.cancelAgain
    }
}
