/// Why a scenario could not be played as it is written.
public struct ScenarioError: Error, Sendable, CustomStringConvertible {
    /// The closed list of reasons.
    public enum Reason: Sendable, Equatable {
        /// This machine or account can't make the fault; such a scenario is skipped.
        case notPossibleHere
        /// The scenario names something that the shop does not have.
        case unknownName
        /// The fault could not be made, or not be ended.
        case faultFailed
        /// A recorded load can't be read.
        case badRecording
        /// The shop's processes did not start, or not come to rest.
        case shopFailed
        /// The private PostgreSQL server did not do what it was told to.
        case serverFailed
    }

    public let reason: Reason
    /// What is wrong and, where something can be done about it, what.
    public let description: String

    init(_ reason: Reason, _ description: String) {
        self.reason = reason
        self.description = description
    }
}
