import Logging
import Postgres
import Synchronization

/// One connection by which the rings come in for everybody of this process who waits for messages, whichever queue it is.
///
/// It is there while somebody waits, and a little longer. Without it, behind a pooler or while the server is away, the clerks look by
/// themselves.
final class WaitingListener: Sendable {
    private struct State {
        var clerks = 0
        var isRunning = false
        var restingSince = ContinuousClock.now
        var connection: Connection?
        /// Of each queue that is listened to, since when it has not rung.
        var quietSince: [Int32: ContinuousClock.Instant] = [:]
    }

    private let state = Mutex(State())

    private static let longestRest = Duration.seconds(30)
    private static let look = Duration.seconds(5)
    private static let longestProbe = Duration.seconds(5)
    private static let firstPause = Duration.milliseconds(50)
    private static let longestPause = Duration.seconds(2)

    /// Somebody begins to wait.
    func begin(with broker: Broker) {
        let isFirst = state.withLock { state in
            state.clerks += 1
            defer { state.isRunning = true }
            return !state.isRunning
        }
        // Awaited by nobody: it ends when nobody has waited for a while. Detached, since it listens for others too.
        if isFirst { Task.detached { [self] in await run(with: broker) } }
    }

    func end() {
        state.withLock { state in
            state.clerks -= 1
            state.restingSince = .now
        }
    }

    /// Whether rings of this queue come in.
    func isHearing(_ queue: Int32) -> Bool {
        state.withLock { $0.connection?.isBroken == false && $0.quietSince[queue] != nil }
    }

    /// Whether rings of this queue come in since then at the latest, and none has.
    func isQuiet(_ queue: Int32, since moment: ContinuousClock.Instant) -> Bool {
        state.withLock { state in
            guard state.connection?.isBroken == false, let start = state.quietSince[queue] else { return false }
            return start <= moment
        }
    }

    /// Listens to one more queue, if there is a connection.
    ///
    /// - Returns: whether rings come in from now on; what came before was not heard.
    func hear(_ queue: Int32) async -> Bool {
        guard let connection = state.withLock({ $0.connection }) else { return false }
        guard (try? await connection.listen(to: [Doorbell.channel(of: queue)])) != nil else { return false }
        return state.withLock { state in
            guard state.connection === connection else { return false }
            state.quietSince[queue] = .now
            return true
        }
    }

    private func run(with broker: Broker) async {
        let pulse = broker.watchdog.pulse(ofTask: "listen for who waits")
        var pause = Self.firstPause
        while goesOn() {
            pulse.beat(within: broker.longestCall * 3)
            do {
                let connection = try await broker.database.dedicatedConnection(named: "message-queue waiting")
                // Rings would reach somebody else there.
                if await connection.isPooled {
                    await connection.close()
                } else {
                    await listen(on: connection, with: broker, pulse)
                }
                pause = Self.longestPause
            } catch {
                broker.logger.debug("nobody listens for those who wait", metadata: ["error": "\(error)"])
                pause = min(pause * 2, Self.longestPause)
            }
            try? await Task.sleep(for: pause * Double.random(in: 0.8...1.2))
        }
    }

    /// False when nobody has waited for a while: it is over then, and the next one who waits begins anew.
    private func goesOn() -> Bool {
        state.withLock { state in
            state.isRunning = state.clerks > 0 || state.restingSince + Self.longestRest > .now
            return state.isRunning
        }
    }

    private func listen(on connection: Connection, with broker: Broker, _ pulse: Watchdog.Pulse) async {
        state.withLock { ($0.connection, $0.quietSince) = (connection, [:]) }
        // The clerks see that there is one, and ask to hear their queues.
        broker.doorbell.ringAllHere()
        _ = await hear(Doorbell.accessKeys)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.pass(rings: connection.events, to: broker.doorbell) }
            group.addTask {
                await self.probe(connection, with: broker, pulse)
                await connection.close()
            }
            // Whichever ends first: the line, or the need for it.
            await group.next()
            group.cancelAll()
        }
        state.withLock { ($0.connection, $0.quietSince) = (nil, [:]) }
        await connection.close()
        broker.doorbell.ringAllHere()
    }

    /// Returns once nothing comes through the line any more, or nobody needs it: one that has fallen silent looks as if it heard.
    private func probe(_ connection: Connection, with broker: Broker, _ pulse: Watchdog.Pulse) async {
        repeat {
            pulse.beat(within: Self.look + Self.longestProbe + broker.longestCall)
            do { try await connection.execute("SELECT 1", within: Self.longestProbe) } catch {
                broker.logger.debug("the line of those who wait is left", metadata: ["error": "\(error)"])
                // What silenced it has silenced the pool's idle lines, too.
                if let moment = connection.silentSince { broker.database.leaveIdle(unansweredSince: moment) }
                return
            }
        } while (try? await Task.sleep(for: Self.look)) != nil && isNeeded()
    }

    private func isNeeded() -> Bool {
        state.withLock { $0.clerks > 0 || $0.restingSince + Self.longestRest > .now }
    }

    private func pass(rings events: AsyncStream<Connection.Signal>, to doorbell: Doorbell) async {
        for await event in events {
            guard case .notification(let channel) = event, let queue = Int32(channel.dropFirst(3)) else { continue }
            state.withLock { state in
                if state.quietSince[queue] != nil { state.quietSince[queue] = .now }
            }
            doorbell.ringHere(queue)
        }
    }
}
