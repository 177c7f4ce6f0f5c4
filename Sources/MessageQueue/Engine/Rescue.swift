import Durations
import Logging
import Postgres

extension Broker {
    /// Takes messages from consumers that are gone, and those whose own lease has ended, and gives them back with the
    /// attempt counted; those without attempts left become dead letters.
    ///
    /// Guarantee: fenced by the completions, so a wrong guess is harmless: of a rescue and a late finish, one happens.
    /// One that the server refuses to give back is buried, see ``bury(refused:because:in:)``, and one that it refuses to bury comes
    /// again after ``pauseOfUnburied``, as does one that it refuses for another reason than the message itself; neither keeps any of the
    /// others. One that it refuses even that stays where it is, and is found again by the next rescue: where such ones fill a whole
    /// portion, those behind them wait.
    /// - Parameter watermarks: per lane, a place up to which everything is completed.
    /// - Returns: how many places were rescued: no more than are easily held at once, with their bodies. Unless it is 0, there may be more.
    package func rescue(_ entry: Catalogue.Entry, from gone: [Int64], beyond watermarks: [Int64]) async throws -> Int {
        try await rescue(Abandoned(queue: entry, whose: .consumers(gone, beyond: watermarks)))
    }

    /// The same, of certain claims only.
    func rescue(_ entry: Catalogue.Entry, of ended: [EndedClaim]) async throws -> Int {
        try await rescue(Abandoned(queue: entry, whose: .claims(ended)))
    }

    private func rescue(_ abandoned: Abandoned) async throws -> Int {
        do { return try await rescueTogether(abandoned) } catch let error as PostgresError where error.refuses {
            let places = try await database.write { session in
                try abandoned.find(in: session).map {
                    Place(receipt: $0.message.receipt, message: $0.message.message.id)
                }
            }
            return try await rescue(abandoned, partwise: places[...])
        }
    }

    private struct Place {
        let receipt: Receipt
        let message: MessageID
    }

    /// What can't be rescued together is halved, until the one that is refused stands alone.
    private func rescue(_ abandoned: Abandoned, partwise places: ArraySlice<Place>) async throws -> Int {
        do { return try await rescueTogether(abandoned, only: places) } catch let error as PostgresError
            where error.refuses
        {
            guard places.count > 1 else { return try await rescue(abandoned, refused: places, because: error) }
            let middle = places.startIndex + places.count / 2
            var taken = 0
            try await eachByItself([places[..<middle], places[middle...]]) { half in
                let count = try await rescue(abandoned, partwise: half)
                taken += count
            }
            return taken
        }
    }

    /// - Returns: 0 when it can't even be put off: it stays where it is, and the next rescue tries again.
    private func rescue(
        _ abandoned: Abandoned, refused places: ArraySlice<Place>, because refusal: PostgresError
    ) async throws -> Int {
        let ends: [End] = refusal.refusesData ? [.buried(because: refusal), .putOff] : [.putOff]
        for end in ends {
            do { return try await rescueTogether(abandoned, only: places, to: end) } catch let error
                as PostgresError where error.refuses
            {
                for place in places { note(error, of: place.message, in: abandoned.queue, to: end) }
            }
        }
        return 0
    }

    private func note(_ error: PostgresError, of message: MessageID, in queue: Catalogue.Entry, to end: End) {
        let what = if case .putOff = end { "put off, it stays as it is" } else { "buried, putting it off" }
        logger.info(
            "what nobody holds any more can't be \(what)",
            metadata: ["queue": "\(queue.name)", "message": "\(message)", "error": "\(error)"])
    }

    /// What becomes of messages that are taken from whoever held them.
    private enum End {
        case givenBack
        case buried(because: PostgresError)
        case putOff
    }

    /// - Parameter places: nil for all.
    private func rescueTogether(
        _ abandoned: Abandoned, only places: ArraySlice<Place>? = nil, to end: End = .givenBack
    ) async throws -> Int {
        let wanted = places.map { Set($0.map(\.receipt)) }
        return try await database.write { session in
            _ = try self.catalogue.current(abandoned.queue, in: session)
            let open = try abandoned.find(in: session).filter { wanted?.contains($0.message.receipt) ?? true }
            let taken = try abandoned.expire(open, in: session)
            switch end {
            case .givenBack: giveBack(taken, attempts: abandoned.queue.retry.attempts, in: session)
            case .buried(let refusal): bury(refused: taken.map(\.message), because: refusal, in: session)
            case .putOff: comeAgain(taken, after: Self.pauseOfUnburied, in: session)
            }
            return taken.count
        }
    }

    /// After the completions of what was rescued.
    private func giveBack(_ taken: [Rescued], attempts: Int, in session: borrowing Session) {
        let (living, dying) = taken.partitioned { $0.message.attempt < attempts }
        comeAgain(living, after: .zero, in: session)
        let rejections = dying.map { Rejection($0.message, reason: "worker-lost", error: $0.error) }
        let (blocking, leaving) = rejections.partitioned { order(of: $0.message) == .blockOnFailure }
        block(blocking, in: session)
        bury(leaving, in: session)
    }

    private func comeAgain(_ taken: [Rescued], after delay: Duration, in session: borrowing Session) {
        let (ordered, free) = taken.partitioned { keepsOrder($0.message) }
        putBack(free.map { Returning($0.message, attempt: $0.message.attempt + 1, delay: delay) }, in: session)
        hold(
            ordered.map {
                HeldMessage($0.message, attempt: $0.message.attempt + 1, delay: delay.inSeconds, error: $0.error)
            }, in: session)
    }
}
