import ArgumentParser

extension CompletionKind {
    /// The names of queues, where the database is known from the environment or the folder.
    static var queues: CompletionKind {
        .shellCommand("shoeshop queues list --names 2>/dev/null")
    }
}
