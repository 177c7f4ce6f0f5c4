import Foundation
import Postgres

@testable import MessageQueue

/// The model of what is sent once under a name: stored by the first of all that come with the same request, who are all told the same ids,
/// and by none that comes with another one.
extension Model {
    /// - Parameter owner: of the names.
    func arrive(
        _ messages: [Outgoing<Parcel>], in queues: [World.ModelQueue], under request: Command.Request, of owner: String
    ) {
        guard let known = world.requests["\(owner) name \(request.name)"] else { return store(messages, in: queues) }
        only([])
        guard case .sentOnce(let outcome)? = answer else { return }
        guard known.fingerprint == request.fingerprint else {
            return demand(outcome == .refused, "told \(outcome) of another request")
        }
        guard case .repeated(let ids) = outcome else { return demand(false, "told \(outcome) of a known request") }
        let told = ids.map(\.uuid)
        demand(
            known.areInOrder ? told == known.ids : Set(told).isSuperset(of: known.ids), "told \(told), not \(known.ids)"
        )
    }

    /// They are alike but for their ids, which only their sender is told in order.
    private func store(_ messages: [Outgoing<Parcel>], in queues: [World.ModelQueue]) {
        var ids = Array(Set(change.arrived.map(\.id)))
        if case .sentOnce(let outcome)? = answer {
            guard case .stored(let told) = outcome else { return demand(false, "told \(outcome) of a new request") }
            demand(told.count == messages.count, "told \(told.count) ids of \(messages.count) messages")
            ids = told.map(\.uuid)
        }
        let sent = zip(messages, ids).map { message, id in
            var message = message
            message.id = MessageID(id)
            return message
        }
        arrive(sent, in: queues)
        demand(sent.count == messages.count, "stored \(sent.count) of \(messages.count)")
    }
}
