public import MessageQueue

extension QueueGateway {
    /// Makes a group of RocketMQ's consumers, and its topic where there is none, before any of them comes.
    ///
    /// A group hears what is published once it is there. Clients have no call to make one: the first that consumes makes it, and what was
    /// published before, it does not hear. Safe to repeat; a group that is there hears these tags from now on, as if a consumer had
    /// asked for them.
    /// - Parameters:
    ///   - group: as consumers name it; letters, digits, `-` and `_`.
    ///   - topic: as they name it.
    ///   - instance: of which it is, as they name it (`ns`); nil for the library's own topics.
    ///   - tags: which messages it hears; nil for all.
    ///   - isOrderly: whether its consumers consume in order. A group that does both is made twice: it hears everything in each way.
    ///   - broker: whose topics.
    /// - Returns: the group's queue, which operators see.
    /// - Throws: `QueueError.invalidArgument` for a name that is none, or that a queue has which is no group's;
    ///   `QueueError.invalidName` for one that is too long.
    @discardableResult
    public static func makeGroup(
        _ group: String, of topic: String, instance: String? = nil, tags: [String]? = nil, isOrderly: Bool = false,
        on broker: Broker
    ) async throws -> QueueName {
        do {
            let topic = try MQName.topic(topic, of: instance)
            let name = try MQName.group(group)
            _ = try await broker.create(topic: TopicName(topic))
            let options = Options()
            let groups = ConsumerGroups(
                broker, Redelivery(plain: options.redelivery, orderly: options.orderlyRedelivery))
            return try await groups.group(name, of: topic, tags: tags, isOrderly: isOrderly).queue
        } catch let refusal as Refusal { throw QueueError.invalidArgument(refusal.text) }
    }
}
