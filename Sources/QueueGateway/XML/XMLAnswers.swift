import HTTPTypes

/// How the two dialects that are written in XML answer: alike, but for their names of things.
struct XMLAnswers: Sendable {
    let namespace: String
    private let requestID: HTTPField.Name
    private let version: HTTPField.Name
    private let code: @Sendable (Refusal.Reason) -> (status: Int, code: String)

    static let mns = XMLAnswers(
        namespace: "http://mns.aliyuncs.com/doc/v1/", requestID: .mnsRequestID, version: .mnsVersion
    ) { $0.mnsCode }
    static let rocketMQ = XMLAnswers(
        namespace: "http://mq.aliyuncs.com/doc/v1/", requestID: .mqRequestID, version: .mqVersion
    ) { $0.rocketMQCode }

    /// Some clients answer to the exact status.
    func answer(
        _ status: HTTPResponse.Status, _ element: XMLElement? = nil, id: RequestID, location: String? = nil
    ) -> Answer {
        var headers: HTTPFields = [requestID: "\(id)", version: MNS.version]
        if let location { headers[.location] = location }
        guard let element else { return Answer(status: status, headers: headers) }
        headers[.contentType] = "text/xml;charset=utf-8"
        return Answer(status: status, headers: headers, body: element.document(in: namespace))
    }

    /// All four elements, which clients insist on.
    func answer(_ refusal: Refusal, id: RequestID, endpoint: String) -> Answer {
        let (status, code) = code(refusal.reason)
        let error = XMLElement(
            "Error",
            [
                XMLElement("Code", code), XMLElement("Message", refusal.text), XMLElement("RequestId", "\(id)"),
                XMLElement("HostId", endpoint),
            ])
        var answer = answer(.init(code: status), error, id: id)
        // Away, read-only or unconfirmed: the database is seldom so for long.
        if status == 503 { answer.headers[.retryAfter] = "2" }
        return answer
    }

    func answer(_ refusal: Refusal, to call: Call) -> Answer {
        answer(refusal, id: call.id, endpoint: call.head.endpoint)
    }
}

extension Call {
    /// An answer to this call, as MNS writes it.
    func mns(_ status: HTTPResponse.Status, _ element: XMLElement? = nil, location: String? = nil) -> Answer {
        XMLAnswers.mns.answer(status, element, id: id, location: location.map { head.endpoint + $0 })
    }

    /// An answer to this call, as RocketMQ over HTTP writes it.
    func rocketMQ(_ status: HTTPResponse.Status, _ element: XMLElement? = nil) -> Answer {
        XMLAnswers.rocketMQ.answer(status, element, id: id)
    }
}
