/// Producers of a topic who know what has become of each other's half messages.
struct ProducerGroup: Hashable, Sendable, CustomStringConvertible {
    let name: String
    let topic: TopicName

    var description: String { "\(name) of \(topic)" }
}
