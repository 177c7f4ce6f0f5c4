/// Looks for half messages on behalf of all producers of a group who wait to be asked, one after the other, until nobody does.
struct HalfClerk: Sendable {
    private let group: ProducerGroup
    private let room: WaitingRoom<ProducerGroup, HalfMessage>
    private let broker: Broker
    private let bell: Bell

    init(of group: ProducerGroup, in room: WaitingRoom<ProducerGroup, HalfMessage>, with broker: Broker, bell: Bell) {
        self.group = group
        self.room = room
        self.broker = broker
        self.bell = bell
    }

    /// One that is due may be somebody else's for a moment.
    private static let shortestRest = Duration.milliseconds(100)

    func run() async {
        // Before it looks: what is prepared later rings.
        broker.halfBells.attach(bell, to: group)
        defer { broker.halfBells.detach(bell, from: group) }
        let pulse = broker.watchdog.pulse(ofTask: "look for half messages of \(group)")
        while let (caller, wish) = room.serveNext(of: group) {
            pulse.beat(within: broker.longestCall * 4 + broker.longestRest)
            let rest = await serve(caller, wish)
            if rest > .zero { await bell.wait(atMost: rest) }
        }
    }

    /// - Returns: how long to rest before the next look, unless the bell rings.
    private func serve(_ caller: Int, _ wish: WaitingWish) async -> Duration {
        do {
            let found = try await broker.halfMessages(
                of: group.name, in: group.topic, limit: wish.limit, lasting: wish.lease)
            if room.finish(caller, of: group, with: .success(found)) { await broker.giveBackIfPossible(found) }
            guard found.isEmpty else { return .zero }
            let next = try await broker.nextCheck(of: group.name, in: group.topic) ?? broker.longestRest
            return min(max(next, Self.shortestRest), broker.longestRest)
        } catch {
            return room.rest(after: error, for: caller, of: group, broker.logger)
        }
    }
}
