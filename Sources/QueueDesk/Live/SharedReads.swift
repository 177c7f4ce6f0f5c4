/// What open pages ask again and again, read once for all of them.
actor SharedReads {
    /// Answers of different types to one question are kept apart.
    private struct Question: Hashable {
        let text: String
        let answer: ObjectIdentifier
    }

    private struct Read {
        let number: Int
        let task: Task<any Sendable, any Error>
        /// Of no use to anybody after it.
        let age: Duration
        /// Nil while it is under way.
        var endedAt: ContinuousClock.Instant?

        func isFresh(for age: Duration) -> Bool { endedAt.map { ContinuousClock.now - $0 < age } ?? true }
    }

    private var reads: [Question: Read] = [:]
    private var count = 0

    /// Whoever asks for ever other things is answered all the same.
    private static let most = 100

    /// The answer that was read no longer ago than `age`, or a new one. Whoever asks while it is being read waits for
    /// that one.
    func answer<T: Sendable>(
        to text: String, notOlderThan age: Duration, _ read: @escaping @Sendable () async throws -> T
    ) async throws -> T {
        let question = Question(text: text, answer: ObjectIdentifier(T.self))
        let task = fresh(question, age) ?? begin(question, age, read)
        guard let answer = try await task.value as? T else { return try await read() }
        return answer
    }

    /// Something was changed: what was read before it, or is being read, is told to nobody who asks after it.
    func forget() { reads = [:] }

    private func fresh(_ question: Question, _ age: Duration) -> Task<any Sendable, any Error>? {
        reads[question].flatMap { $0.isFresh(for: age) ? $0.task : nil }
    }

    private func begin<T: Sendable>(
        _ question: Question, _ age: Duration, _ read: @escaping @Sendable () async throws -> T
    ) -> Task<any Sendable, any Error> {
        reads = reads.filter { $0.value.isFresh(for: $0.value.age) }
        count += 1
        // Awaited by whoever asks meanwhile: one who goes away takes it from nobody else.
        let task = Task<any Sendable, any Error> { [number = count] in
            do {
                let answer = try await read()
                end(question, number, isGood: true)
                return answer
            } catch {
                end(question, number, isGood: false)
                throw error
            }
        }
        if reads.count < Self.most { reads[question] = Read(number: count, task: task, age: age) }
        return task
    }

    /// What failed is read again for whoever asks next.
    private func end(_ question: Question, _ number: Int, isGood: Bool) {
        guard reads[question]?.number == number else { return }
        if isGood { reads[question]?.endedAt = .now } else { reads[question] = nil }
    }
}

extension QueueDesk {
    /// What a page reads that looks anew now and then: read once for everybody who has it open, however many they are.
    ///
    /// ```swift
    /// let open = try await desk.shared(desk.path("/signups"), refresh: .seconds(10)) { try await signups.open() }
    /// ```
    /// It is read anew after half of `refresh`, and after each change that is made at this desk, see ``acting(_:)``.
    /// - Parameters:
    ///   - question: what is read, with all that the answer depends on, such as the page's path with its query. Who asks
    ///     is no part of it.
    ///   - refresh: how often the page looks anew.
    ///   - read: answers it.
    /// - Throws: what `read` throws, to everybody who waits for it.
    public func shared<T: Sendable>(
        _ question: String, refresh: Duration, _ read: @escaping @Sendable () async throws -> T
    ) async throws -> T {
        try await reads.answer(to: question, notOlderThan: refresh / 2, read)
    }
}
