import Foundation
import MessageQueue

/// What is done with the messages of one topic.
struct GroupCalls {
    let backend: Backend
    let groups: ConsumerGroups
    let account: Account
    /// As the library names it.
    let topic: String
    var broker: Broker { backend.broker }

    init(_ backend: Backend, _ groups: ConsumerGroups, _ account: Account, topic: String) {
        self.backend = backend
        self.groups = groups
        self.account = account
        self.topic = topic
    }

    /// Makes the topic for whoever may, where there is none: clients of this dialect have no call for it.
    func orMakeTopic<T>(_ body: () async throws -> T) async throws -> T {
        do { return try await body() } catch QueueError.unknownTopic
            where account.mayUse(.manage, on: "topics/\(topic)")
        {
            _ = try await broker.create(topic: TopicName(topic))
            groups.forget(groupsOf: topic)
            return try await body()
        }
    }
}
