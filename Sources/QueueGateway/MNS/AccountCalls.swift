import HTTPTypes

/// What clients ask of an account. Nothing here is billed, nor logged to a bucket.
struct AccountCalls {
    func answer(_ call: Call) throws -> Answer {
        guard call.query["accountmeta"] != nil || call.query["account"] != nil else { throw Refusal.unknownPath }
        switch call.method {
        case .get:
            return call.mns(.ok, XMLElement("Account", [XMLElement("LoggingBucket", "")]))
        case .put:
            let body = try XMLReader.read(call.body)
            guard body.name == "Account" else { throw Refusal.wrongRoot("Account") }
            // There are no buckets here, so that there is nothing to keep; a client that sets one at its start shall go on.
            return call.mns(.noContent)
        default: throw Refusal.unknownPath
        }
    }

    func openService(_ call: Call) -> Answer {
        call.mns(.ok, XMLElement("OpenService", [XMLElement("OrderId", "\(call.id)")]))
    }
}

extension Refusal {
    static func wrongRoot(_ name: String) -> Refusal {
        Refusal(.invalidArgument, "The body's root is not \(name).")
    }
}
