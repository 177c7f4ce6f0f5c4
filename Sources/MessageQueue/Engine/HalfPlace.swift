/// Where producers wait to be asked about half messages.
struct HalfPlace: Hashable, Sendable, CustomStringConvertible {
    let topic: TopicName
    let group: String

    var description: String { "\(group) of \(topic)" }
}
