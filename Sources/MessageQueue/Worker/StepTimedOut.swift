/// The step took longer than it may.
struct StepTimedOut: Error, CustomStringConvertible {
    let limit: Duration
    var description: String { "preparing took longer than \(limit)" }
}
