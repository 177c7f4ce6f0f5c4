import Logging
import Postgres

/// Looks for messages on behalf of everybody who waits for a queue, one after the other, until nobody does.
struct WaitingClerk: Sendable {
    let queue: QueueName
    private let room: WaitingRoom<QueueName, ReceivedMessage>
    private let listener: WaitingListener
    private let broker: Broker
    private let bell: Bell

    init(of queue: QueueName, in room: WaitingRoom<QueueName, ReceivedMessage>, with broker: Broker, bell: Bell) {
        self.queue = queue
        self.room = room
        listener = broker.waitingListener
        self.broker = broker
        self.bell = bell
    }

    func run() async {
        let pulse = broker.watchdog.pulse(ofTask: "look for who waits for \(queue)")
        var patience = Patience(longest: broker.longestRest)
        var heard: Int32?
        listener.begin(with: broker)
        defer {
            if let heard { broker.doorbell.detach(bell, from: heard) }
            listener.end()
        }
        while let (caller, wish) = room.serveNext(of: queue) {
            pulse.beat(within: broker.longestCall * 9 + broker.longestRest)
            let rest = await serve(caller, wish, &heard, &patience)
            guard rest.time > .zero else { continue }
            if rest.isQuiet { room.fallQuiet(queue) }
            await bell.wait(atMost: rest.time)
        }
    }

    /// Until the next look, unless the bell rings.
    private struct Rest {
        var time = Duration.zero
        /// Nothing is there, and whatever comes meanwhile rings.
        var isQuiet = false
    }

    private func serve(
        _ caller: Int, _ wish: WaitingWish, _ heard: inout Int32?, _ patience: inout Patience
    ) async -> Rest {
        do {
            let entry = try await broker.entry(of: queue)
            // Before it looks: what comes later rings.
            attach(entry.id, insteadOf: &heard)
            let isHearing = listener.isHearing(entry.id)
            let look = try await broker.look(into: entry, limit: wish.limit, lease: wish.lease)
            if room.finish(caller, of: queue, with: .success(look.messages)) { try await giveBack(look.messages) }
            guard look.messages.isEmpty else {
                patience.renew()
                return Rest()
            }
            if !isHearing, await listener.hear(entry.id) { return Rest() }
            return try await rest(after: look, into: entry, isHearing, &patience)
        } catch {
            return Rest(time: room.rest(after: error, for: caller, of: queue, broker.logger))
        }
    }

    /// What others have their hands on just now was not seen, and nobody rings when they leave some of it: so it is looked for soon.
    private func rest(
        after look: Look, into entry: Catalogue.Entry, _ isHearing: Bool, _ patience: inout Patience
    ) async throws -> Rest {
        let next = look.next ?? broker.longestRest
        guard isHearing, try await !broker.hasMore(entry) else {
            return Rest(time: min(next, patience.next(isDeaf: true)))
        }
        patience.renew()
        return Rest(time: min(next, patience.next(isDeaf: false)), isQuiet: true)
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
}
