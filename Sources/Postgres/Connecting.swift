import Durations
import Foundation

/// Makes a connection on the thread that will own it, to the first server of the string that lets us in.
///
/// libpq would go from server to server itself, but in its non-blocking calls it has no limit for any of them, and its
/// `connect_timeout` is ignored. So each attempt names one server at one address; TLS, authentication and what the server
/// has to be (`target_session_attrs`) are libpq's own business.
struct Connecting {
    let conninfo: Conninfo
    let options: ConnectionOptions
    let thread: ConnectionThread
    let lastHost: LastHost
    /// When whoever waits for the connection waits no longer.
    let callEnd: ContinuousClock.Instant?
    /// The only server, and address, that will do; nil for any of the string.
    var only: HostSpec?

    /// Connects, and leaves the link in pipeline mode and the session with its settings.
    ///
    /// - Throws: ``PostgresError``, mostly of kind `connectionFailed`, with what each server said.
    func channel() throws(PostgresError) -> Channel {
        let time = ConnectTime(
            each: conninfo.connectTimeout, end: .now + options.connectTimeout, callEnd: callEnd)
        let rounds = rounds.flatMap { role in hosts.map { (role: role, host: $0) } }
        var failures: [PostgresError] = []
        for (index, attempt) in rounds.enumerated() {
            let share = time.share(of: rounds.count - index)
            if let channel = channel(to: attempt.host, as: attempt.role, within: share, &failures) { return channel }
        }
        throw Self.failure(failures)
    }

    /// What to ask of a server: for most strings what they say. A preference is two rounds, as in libpq.
    private var rounds: [String?] {
        conninfo["target_session_attrs"] == "prefer-standby" ? ["standby", "any"] : [nil]
    }

    private var hosts: [HostSpec] {
        if let only { return [only] }
        if conninfo.isBalanced { return conninfo.hosts.shuffled() }
        return lastHost.first(of: conninfo.hosts) { host, last in
            host.name == last.name && host.port == last.port && (host.address == nil || host.address == last.address)
        }
    }

    private func channel(
        to host: HostSpec, as role: String?, within time: ConnectTime, _ failures: inout [PostgresError]
    ) -> Channel? {
        do throws(PostgresError) {
            let places = try places(of: host, until: time.deadline)
            for (index, place) in places.enumerated() {
                let deadline = time.share(of: places.count - index).deadline
                do throws(PostgresError) {
                    let channel = try channel(at: place, as: role, until: deadline)
                    lastHost.note(place)
                    return channel
                } catch { failures.append(error) }
            }
        } catch { failures.append(error) }
        return nil
    }

    /// The host at each of its addresses.
    private func places(of host: HostSpec, until deadline: ContinuousClock.Instant) throws(PostgresError) -> [HostSpec]
    {
        guard host.needsLookUp, let name = host.name else { return [host] }
        let places = try LookUp.addresses(of: name, until: deadline).map { host.at($0) }
        return conninfo.isBalanced ? places.shuffled() : lastHost.first(of: places) { $0 == $1 }
    }

    private static func failure(_ failures: [PostgresError]) -> PostgresError {
        if failures.count == 1 { return failures[0] }
        return PostgresError(.connectionFailed, failures.map(\.message).joined(separator: "; "))
    }

    // MARK: One attempt

    private func channel(
        at place: HostSpec, as role: String?, until deadline: ContinuousClock.Instant
    ) throws(PostgresError) -> Channel {
        let channel = Channel(
            try link(to: place, as: role, until: deadline), thread: thread, needsWrites: conninfo.needsWrites,
            options: options, beside: only == nil ? beside(place) : nil)
        try channel.moveIn(with: options.sessionSettings, until: deadline)
        return channel
    }

    /// What makes another connection to the same place, without the pace of a test.
    private func beside(_ place: HostSpec) -> @Sendable () async throws -> Connection {
        var options = options
        options.pace = nil
        return { [conninfo, options] in try await Connection.open(conninfo, options: options, at: place) }
    }

    private func link(
        to place: HostSpec, as role: String?, until deadline: ContinuousClock.Instant
    ) throws(PostgresError) -> Link {
        let parameters = conninfo.parameters(at: place, as: role, named: options.applicationName)
        guard let link = Link(connectingWith: parameters) else {
            throw PostgresError(.connectionFailed, "libpq is out of memory")
        }
        // A fresh link waits for its socket to become writable before the first step (libpq, PQconnectPoll).
        var progress: Link.ConnectProgress = link.isBroken ? .failed : .waitWritable
        while true {
            switch progress {
            case .waitReadable: try wait(for: Int16(POLLIN), on: link.socket, of: place, until: deadline)
            case .waitWritable: try wait(for: Int16(POLLOUT), on: link.socket, of: place, until: deadline)
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

    private func wait(
        for events: Int16, on socket: Int32, of place: HostSpec, until deadline: ContinuousClock.Instant
    ) throws(PostgresError) {
        while true {
            let left = ContinuousClock.now.duration(to: deadline).wholeMilliseconds
            guard left > 0 else {
                let name = [place.name, place.address].compactMap(\.self).joined(separator: " at ")
                throw PostgresError(
                    .connectionFailed, "the server\(name.isEmpty ? "" : " \(name)") did not answer in time")
            }
            if thread.wakeUp.wait(socket, for: events, timeout: Int32(clamping: left)).socketIsReady { return }
        }
    }
}
