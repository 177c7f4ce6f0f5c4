/// The one final word on a place, as stored.
enum Outcome: String {
    case done = "d"
    case retried = "r"
    case expired = "x"
    case dead = "f"
    case released = "b"
    /// Held back behind another message of its key, or, where a key blocks for good, because it failed itself.
    case held = "h"
    /// Older than its queue keeps messages.
    case outdated = "o"
    /// Deleted by an operator before anybody took it.
    case purged = "p"
}
