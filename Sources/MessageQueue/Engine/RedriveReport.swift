/// What a redrive or purge did: moved + skipped + failed = matched.
public struct RedriveReport: Sendable, Equatable {
    /// Those that the filter chose when the call began.
    public var matched = 0
    /// Those that were sent back, or deleted.
    public var moved = 0
    /// Gone before their turn came: somebody else redrove or purged them.
    public var skipped = 0
    /// Found no free lane in time, were refused by the server, or an operator stopped it before; they are dead letters still.
    public var failed = 0

    /// A report of nothing yet.
    public init() {}

    /// So many have had their turn.
    mutating func count(_ all: Int, moved: Int, left: Int) {
        self.moved += moved
        failed += left
        skipped += all - moved - left
    }
}
