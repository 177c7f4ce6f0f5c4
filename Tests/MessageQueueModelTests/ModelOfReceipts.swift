@testable import MessageQueue

/// The model of what acts on a message by its receipt alone.
extension Model {
    /// Finished is what a good receipt was given for, and nothing else; the others are told.
    func acknowledge(_ receipts: [Receipt]) {
        only([.finished])
        for (place, outcome) in change.finished {
            let isGood = receipts.contains { $0.inTurn(0) == place && seen.isGood($0) }
            demand(isGood && outcome == Outcome.done.rawValue, "\(place) is \(outcome) without a good receipt")
        }
        guard case .refused(let refused)? = answer else { return }
        let finished = receipts.filter { change.finished[$0.inTurn(0)] != nil && seen.isGood($0) }
        demand(refused == Set(receipts).subtracting(finished), "refused \(refused), finished \(finished)")
        let good = receipts.filter(before.isGood)
        demand(!isAlone || good.allSatisfy { change.finished[$0.inTurn(0)] != nil }, "refused a good one of \(good)")
    }

    /// The lease of one place, which has its next receipt from then on.
    func changeVisibility(of receipt: Receipt, to lease: Duration) {
        only([.leases])
        let place = receipt.inTurn(0)
        demand(change.leases.keys.allSatisfy { $0 == place }, "changed \(change.leases.keys), not \(place) alone")
        guard case .visible(let visibility)? = answer else { return }
        demand(seen.isGood(receipt), "\(receipt) was not good")
        demand(
            visibility.receipt == receipt.inTurn(receipt.turn + 1), "\(receipt) is followed by \(visibility.receipt)")
        // Whoever acknowledges locks no claim, and may have finished it meanwhile.
        guard before.log[place]?.isOpen == true else { return }
        let claim = after.log[place]?.claim
        demand(claim?.turn == visibility.receipt.turn, "the turn of \(place) is \(claim?.turn ?? -1)")
        demand((claim?.lease == .ended) == (lease == .zero), "\(place) is visible at the wrong time")
    }
}

extension Snapshot {
    /// Whether it is the newest receipt of a lease that runs.
    func isGood(_ receipt: Receipt) -> Bool {
        guard let attempt = log[receipt.inTurn(0)], attempt.isOpen, let claim = attempt.claim else { return false }
        return claim.turn == receipt.turn && claim.lease == .running
    }
}
