/// A point of a step's work between two things that can't happen at once: where a process that dies leaves traces.
public enum StepPhase: String, Sendable, CaseIterable {
    /// A message is prepared, or its step has nothing to prepare: a third party may have acted, and nothing is written.
    /// Reached once for each message.
    case afterPrepare = "after-prepare"
    /// The server has executed all that a batch writes, completions included, and nothing is committed.
    case beforeCommit = "before-commit"
    /// The server has acknowledged the commit of a batch, and nobody has been told.
    case afterCommit = "after-commit"
}
