import Glibc

/// Makes a connection on the thread that will own it.
struct Connecting {
    let conninfo: String
    let applicationName: String
    let thread: ConnectionThread
    let deadline: ContinuousClock.Instant

    /// Connects, and leaves the link in pipeline mode.
    ///
    /// Everything in `conninfo`, TLS and several hosts included, is libpq's own business.
    func link() throws(PostgresError) -> Link {
        guard let link = Link(connectingTo: conninfo, as: applicationName) else {
            throw PostgresError(.connectionFailed, "libpq is out of memory")
        }
        // A fresh link waits for its socket to become writable before the first step (libpq, PQconnectPoll).
        var progress: Link.ConnectProgress = link.isBroken ? .failed : .waitWritable
        while true {
            switch progress {
            case .waitReadable: try wait(link.socket, for: Int16(POLLIN))
            case .waitWritable: try wait(link.socket, for: Int16(POLLOUT))
            case .failed: throw PostgresError(.connectionFailed, link.errorMessage)
            case .done:
                guard link.becomeNonBlocking(), link.enterPipelineMode() else {
                    throw PostgresError(.connectionFailed, link.errorMessage)
                }
                return link
            }
            progress = link.continueConnecting()
        }
    }

    private func wait(_ socket: Int32, for events: Int16) throws(PostgresError) {
        while true {
            let left = ContinuousClock.now.duration(to: deadline).wholeMilliseconds
            guard left > 0 else { throw PostgresError(.connectionFailed, "the server did not answer in time") }
            if thread.wakeUp.wait(socket, for: events, timeout: left).socketIsReady { return }
        }
    }
}
