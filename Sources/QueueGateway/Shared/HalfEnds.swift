import MessageQueue

/// What became of a half message that a client commits or rolls back.
enum HalfEnd {
    case done
    /// Its time has passed, somebody was asked about it since, or it has come to an end already.
    case lost
    /// It is no receipt of a half message of this topic.
    case unreadable
}

extension Backend {
    /// By which a client commits a half message, or rolls it back.
    func handle(of half: HalfReceipt, in topic: String) -> String {
        handles.handle(of: half, in: Self.place(of: topic))
    }

    func end(half handle: String, of topic: String, isCommit: Bool) async throws -> HalfEnd {
        let text = try? handles.receipt(in: handle, of: Self.place(of: topic))
        guard let receipt = text.flatMap({ HalfReceipt($0) }) else { return .unreadable }
        let isDone = try await isCommit ? broker.commit(half: receipt) : broker.rollback(half: receipt)
        return isDone ? .done : .lost
    }

    /// Stands for a queue in handles, and can be none.
    private static func place(of topic: String) -> String { "\(topic)/half" }
}
