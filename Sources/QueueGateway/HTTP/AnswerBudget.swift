import Synchronization

/// How much of the process's memory large answers may take that their clients have not read yet.
///
/// An answer is there already when it is weighed. So one that finds any room at all is let go, however large it is: none is
/// too large for ever, and all that can be refused are together no more than the room and the largest of them.
final class AnswerBudget: Sendable {
    /// Smaller ones are not counted: a connection may hold as much anyway.
    static let smallest = 64 << 10

    private let all: Int
    private let taken = Atomic(0)

    init(all: Int) { self.all = all }

    var held: Int { taken.load(ordering: .relaxed) }

    /// Room for an answer until the hold is gone; nil for a small one, which needs none.
    ///
    /// - Parameter isNeeded: whether it can't be asked for again; then it is let go all the same.
    /// - Throws: ``Refusal`` when there is no room.
    func room(for bytes: Int, isNeeded: Bool) throws -> Hold? {
        guard bytes > Self.smallest else { return nil }
        guard taken.add(bytes, ordering: .relaxed).oldValue < all || isNeeded else {
            taken.subtract(bytes, ordering: .relaxed)
            throw Refusal(.tooManyRequests, "Too many answers are waiting to be read. Try again.")
        }
        return Hold(bytes, self)
    }

    /// Room that is taken for as long as this is there.
    final class Hold: Sendable {
        private let bytes: Int
        private let budget: AnswerBudget

        fileprivate init(_ bytes: Int, _ budget: AnswerBudget) {
            self.bytes = bytes
            self.budget = budget
        }

        deinit { budget.taken.subtract(bytes, ordering: .relaxed) }
    }
}
