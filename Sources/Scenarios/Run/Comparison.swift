/// The same load and faults, played with the coupled and the decoupled shop.
public struct Comparison: Codable, Sendable {
    public let coupled, decoupled: RunRecord

    public init(coupled: RunRecord, decoupled: RunRecord) {
        self.coupled = coupled
        self.decoupled = decoupled
    }
}
