import HTTPTypes
import MessageQueue
import StrictJSON

/// A call that belongs to a route, by somebody who is known.
struct JSONCall: Sendable {
    let call: Call
    let account: Account
    let backend: Backend
    let errands: Errands
    /// What stands in the path where the route has a star.
    let names: [String]

    var broker: Broker { backend.broker }
    var parameters: Parameters { Parameters(call.query) }

    /// The queue of the path, on which the caller may do this.
    ///
    /// - Throws: ``Refusal``, also for a name that no queue can have.
    func queue(_ verb: AccessVerb) throws -> QueueName {
        try account.demand(verb, onQueue: names[0])
        guard names[0].canBeName else { throw Refusal.noSuchQueue(names[0]) }
        return QueueName(names[0])
    }

    /// The topic of the path, likewise.
    func topic(_ verb: AccessVerb) throws -> TopicName {
        try account.demand(verb, onTopic: names[0])
        guard names[0].canBeName else { throw Refusal.noSuchTopic(names[0]) }
        return TopicName(names[0])
    }

    /// The body; nil when there is none.
    ///
    /// - Throws: ``Problem``.
    func body() throws -> JSONNode? {
        if call.body.isEmpty { return nil }
        let type = call.headers[.contentType]?.split(separator: ";").first?.filter { $0 != " " }.lowercased()
        guard type == "application/json" else {
            throw Problem(.unsupportedMediaType, "Send the body with Content-Type: application/json.")
        }
        do { return try StrictJSON.read(call.body) } catch {
            throw Problem(.malformedJSON, "There is \(error).")
        }
    }

    /// The object that the body is.
    ///
    /// - Parameter isNeeded: whether there must be one; else none is as an empty one.
    func fields(isNeeded: Bool = true) throws -> Fields {
        let body = try body()
        if isNeeded, body == nil { throw Problem(.malformedJSON, "The body is missing.") }
        return Fields(body)
    }

    func answer(_ status: HTTPResponse.Status, _ document: JSONText? = nil, location: String? = nil) -> Answer {
        var headers: HTTPFields = [.requestID: "\(call.id)"]
        if let location { headers[.location] = location }
        guard let document else { return Answer(status: status, headers: headers) }
        headers[.contentType] = "application/json"
        return Answer(status: status, headers: headers, body: document.bytes)
    }
}
