import Logging
import Postgres

/// Looks for messages on behalf of everybody who waits for a queue, one after the other, until nobody does.
struct WaitingClerk: Sendable {
    let queue: QueueName
    private let room: WaitingRoom
    private let broker: Broker
    private let bell: Bell

    /// Rings may be lost, so it looks by itself now and then, as an idle worker does.
    private static let longestRest = Duration.seconds(10)

    init(of queue: QueueName, in room: WaitingRoom, with broker: Broker, bell: Bell) {
        self.queue = queue
        self.room = room
        self.broker = broker
        self.bell = bell
    }

    func run() async {
        let pulse = broker.watchdog.pulse(ofTask: "look for who waits for \(queue)")
        var patience = Patience(longest: Self.longestRest)
        var heard: Int32?
        room.listener.begin(with: broker)
        defer {
            if let heard { broker.doorbell.detach(bell, from: heard) }
            room.listener.end()
        }
        while let (caller, wish) = room.serveNext(of: queue) {
            pulse.beat(within: broker.longestCall * 8 + Self.longestRest)
            let rest = await serve(caller, wish, &heard, &patience)
            if rest > .zero { await bell.wait(atMost: rest) }
        }
    }

    /// - Returns: how long to rest before the next look, unless the bell rings.
    private func serve(
        _ caller: Int, _ wish: WaitingLine.Wish, _ heard: inout Int32?, _ patience: inout Patience
    ) async -> Duration {
        do {
            let entry = try await broker.entry(of: queue)
            // Before it looks: what comes later rings.
            attach(entry.id, insteadOf: &heard)
            let isHearing = room.listener.isHearing(entry.id)
            let look = try await broker.look(into: entry, limit: wish.limit, lease: wish.lease, forNext: true)
            if room.finish(caller, of: queue, with: .success(look.messages)) { try await giveBack(look.messages) }
            guard look.messages.isEmpty else {
                patience.renew()
                return .zero
            }
            if !isHearing, await room.listener.hear(entry.id) { return .zero }
            return min(look.next ?? Self.longestRest, patience.next(isDeaf: !isHearing))
        } catch {
            return rest(after: error, for: caller)
        }
    }

    private func attach(_ queue: Int32, insteadOf heard: inout Int32?) {
        guard heard != queue else { return }
        if let heard { broker.doorbell.detach(bell, from: heard) }
        broker.doorbell.attach(bell, to: queue)
        heard = queue
    }

    /// What was received for somebody who has gone is there for the next one, as if it had never been received.
    private func giveBack(_ messages: [ReceivedMessage]) async throws {
        do { try await broker.release(messages) } catch let error as QueueError {
            broker.logger.debug("a message had no taker, and is gone already", metadata: ["error": "\(error)"])
        }
    }

    private func rest(after error: any Error, for caller: Int) -> Duration {
        let mayPass = (error as? PostgresError).map { $0.isRetryable || $0.isConnectionTrouble } ?? false
        guard mayPass else {
            room.sendAway(from: queue, because: error)
            return .zero
        }
        broker.logger.info(
            "could not look for those who wait, trying again", metadata: ["queue": "\(queue)", "error": "\(error)"])
        _ = room.finish(caller, of: queue, with: .failure(error))
        return .milliseconds(200) * Double.random(in: 0.8...1.2)
    }
}
