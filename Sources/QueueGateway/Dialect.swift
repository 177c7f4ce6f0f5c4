import HTTPTypes

/// A wire protocol: reads calls, makes them with the engine's verbs, and writes the answers and errors that its clients know.
protocol Dialect: Sendable {
    /// Reads, authenticates and makes a call.
    ///
    /// - Throws: ``Refusal``, and what the engine throws.
    func answer(_ call: Call) async throws -> Answer

    /// Tells a client of this dialect that its call is refused.
    func answer(_ refusal: Refusal, to call: Call) -> Answer

    /// Where a path leads, without the names in it, such as `/queues/{name}/messages`; nil for one that leads nowhere.
    func template(of path: [String]) -> String?

    /// Whether the call is a long poll: whoever has gone meanwhile is given nothing.
    func mayWait(_ call: Call) -> Bool
}

extension Dialect {
    /// As in the protocols of Alibaba's.
    func mayWait(_ call: Call) -> Bool {
        call.method == .get && call.path.count == 3 && call.path[2] == "messages" && call.query["waitseconds"] != "0"
            && !call.query.isTrue("peekonly")
    }
}

/// Which protocol a request speaks. Several share paths, so the first thing that tells them apart decides: who signs as what.
enum Tongue: Sendable, CaseIterable {
    case mns, rocketMQ, json

    init(_ head: CallHead) {
        let scheme = head.authorization?.prefix { $0 != " " }.lowercased()
        if head.path.first == "v1" || scheme == "bearer" {
            self = .json
        } else if scheme == "mq" || (scheme != "mns" && head.headers.contains(.mqVersion)) {
            self = .rocketMQ
        } else {
            self = .mns
        }
    }
}

extension Tongue {
    /// For what comes to no dialect: where the head of a request could not be read, that of the request before it on its connection
    /// tells how to speak.
    ///
    /// - Parameter request: the head that came last on the connection; nil where none could be read.
    static func answer(_ refusal: Refusal, behind request: HTTPRequest?) -> Answer {
        let head = request.map { (try? CallHead($0, isEncrypted: false)) ?? CallHead(unreadable: $0) }
        let (id, endpoint) = (RequestID(), head?.endpoint ?? "http://")
        var answer =
            switch head.map({ Tongue($0) }) ?? .mns {
            case .mns: XMLAnswers.mns.answer(refusal, id: id, endpoint: endpoint)
            case .rocketMQ: XMLAnswers.rocketMQ.answer(refusal, id: id, endpoint: endpoint)
            case .json: Problem(refusal).answer(id: id)
            }
        answer.headers[.contentLength] = "\(answer.body.count)"
        return answer.closing
    }
}
