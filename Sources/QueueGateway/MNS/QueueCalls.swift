import Foundation
import HTTPTypes
import MessageQueue

/// CreateQueue, SetQueueAttributes, GetQueueAttributes, ListQueue, DeleteQueue.
struct QueueCalls: NamedCalls {
    private let backend: Backend
    private let account: Account
    private var broker: Broker { backend.broker }

    init(_ backend: Backend, _ account: Account) {
        self.backend = backend
        self.account = account
    }

    func check(_ name: String) throws {
        guard name.canBeName else { throw Refusal.noSuchQueue(name) }
    }

    func create(_ call: Call, _ name: String) async throws -> Answer {
        try account.demand(.manage, onQueue: name)
        try MNSName.checkQueue(name)
        let wish = try QueueAttributes(call.body)
        var settings = QueueSettings.ofMNS
        var labels: [String: String] = [:]
        wish.set(&settings, &labels)
        let location = "/queues/\(name)"
        if try await broker.create(queue: QueueName(name), settings, labels: labels) {
            return call.mns(.created, location: location)
        }
        guard wish.agree(with: QueueAttributes(try await broker.queue(QueueName(name)))) else {
            throw Refusal(.queueExists, "There is a queue \(name) with other attributes.")
        }
        return call.mns(.noContent, location: location)
    }

    func set(_ call: Call, _ name: String) async throws -> Answer {
        try account.demand(.manage, onQueue: name)
        _ = try await broker.queue(QueueName(name))
        let wish = try QueueAttributes(call.body)
        // Whatever is heard of it.
        defer { backend.queues.forget(QueueName(name)) }
        try await broker.change(queue: QueueName(name)) { wish.set(&$0.settings, &$0.labels) }
        return call.mns(.noContent)
    }

    func get(_ call: Call, _ name: String) async throws -> Answer {
        try account.demand(.read, onQueue: name)
        let entry = try await broker.queue(QueueName(name))
        return call.mns(.ok, XMLElement("Queue", Self.fields(of: entry, try await broker.statistics(of: entry.queue))))
    }

    func delete(_ call: Call, _ name: String) async throws -> Answer {
        try account.demand(.manage, onQueue: name)
        defer { backend.queues.forget(QueueName(name)) }
        try await broker.delete(queue: QueueName(name))
        return call.mns(.noContent)
    }

    func list(_ call: Call) async throws -> Answer {
        let page = try ListPage(call)
        let found = try await page.collect(key: \.queue.text) { entry in
            account.mayUse(.read, on: "queues/\(entry.queue)")
        } read: { after, limit in
            try await broker.queues(prefix: page.prefix, after: after.map { QueueName($0) }, limit: limit)
        }
        let numbers = try await page.withMeta ? broker.statistics(ofEach: found.prefix(page.limit).map(\.queue)) : []
        let byName = Dictionary(numbers.map { ($0.queue, $0) }) { one, _ in one }
        return call.mns(
            .ok,
            page.element("Queues", found, key: \.queue.text) { entry in
                let url = XMLElement("QueueURL", "\(call.head.endpoint)/queues/\(entry.queue)")
                return XMLElement("Queue", [url] + (byName[entry.queue].map { Self.fields(of: entry, $0) } ?? []))
            })
    }

    /// All twelve: clients miss each that is left out.
    private static func fields(of entry: QueueEntry, _ numbers: QueueStatistics) -> [XMLElement] {
        let attributes = QueueAttributes(entry)
        return [
            XMLElement("QueueName", entry.queue.text),
            XMLElement("CreateTime", entry.createdAt.wholeSeconds),
            XMLElement("LastModifyTime", entry.changedAt.wholeSeconds),
            XMLElement("DelaySeconds", attributes.delaySeconds ?? 0),
            XMLElement("MaximumMessageSize", attributes.maximumMessageSize ?? 0),
            XMLElement("MessageRetentionPeriod", attributes.retentionPeriod ?? 0),
            XMLElement("VisibilityTimeout", attributes.visibilityTimeout ?? 0),
            XMLElement("PollingWaitSeconds", attributes.pollingWaitSeconds ?? 0),
            XMLElement("ActiveMessages", numbers.depth),
            XMLElement("InactiveMessages", numbers.inFlight),
            XMLElement("DelayMessages", numbers.scheduled + numbers.retrying + numbers.held),
            XMLElement("LoggingEnabled", attributes.loggingEnabled == true ? "True" : "False"),
        ]
    }
}

extension Date {
    var wholeSeconds: Int { Int(timeIntervalSince1970.rounded(.down)) }
    var wholeMilliseconds: Int { Int((timeIntervalSince1970 * 1000).rounded(.down)) }
}
