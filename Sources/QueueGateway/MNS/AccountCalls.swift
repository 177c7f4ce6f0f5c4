import HTTPTypes
import MessageQueue

/// What clients ask of an account. There is one, of all queues and topics; nothing of it is billed, nor logged to a bucket.
struct AccountCalls {
    let backend: Backend
    let account: Account

    /// What is noted of the account, and has no effect.
    private static let bucket = "gateway.logging-bucket"

    init(_ backend: Backend, _ account: Account) {
        self.backend = backend
        self.account = account
    }

    func answer(_ call: Call) async throws -> Answer {
        switch (call.method, call.query.names) {
        case (.get, ["accountmeta"]): return try await get(call)
        case (.put, ["accountmeta"]): return try await set(call)
        case (.get, ["account"]): return try identity(call)
        default: throw Refusal.unknownPath
        }
    }

    /// The client in Java asks for it.
    private func identity(_ call: Call) throws -> Answer {
        try account.demandAccount(.read)
        return call.mns(.ok, XMLElement("Account", [XMLElement("AccountId", MNS.owner)]))
    }

    private func get(_ call: Call) async throws -> Answer {
        try account.demandAccount(.read)
        let bucket = try await backend.broker.labels()[Self.bucket] ?? ""
        return call.mns(.ok, XMLElement("Account", [XMLElement("LoggingBucket", bucket)]))
    }

    /// What a client does not name it leaves as it is.
    private func set(_ call: Call) async throws -> Answer {
        try account.demandAccount(.manage)
        let body = try XMLReader.read(call.body)
        guard body.name == "Account" else { throw Refusal.wrongRoot("Account") }
        if let bucket = body["LoggingBucket"] {
            try await backend.broker.changeLabels { $0[Self.bucket] = bucket.isEmpty ? nil : bucket }
        }
        return call.mns(.noContent)
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
