extension Channel {
    /// The state of one exchange's waiting: whether, why and until when it has been cancelled.
    struct Wait {
        let start = ContinuousClock.now
        let silenceLimit: Duration
        /// Until when something has to be heard, where the call itself has no deadline.
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

        init(upTo silenceLimit: Duration) {
            self.silenceLimit = silenceLimit
            silenceEnd = start + silenceLimit
        }

        mutating func heard() { silenceEnd = .now + silenceLimit }

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
