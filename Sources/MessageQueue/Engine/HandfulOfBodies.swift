/// What one call that receives or looks by hand brings at the most: bodies of so many bytes, and that one which goes beyond it.
///
/// Who asks for a hundred messages, or a crowd that asks for one each, gets them with bodies of the usual size; of large ones fewer, and
/// the rest by the next call. Otherwise it would be the sender who decides how much memory a receiver takes.
package enum HandfulOfBodies {
    package static let bytes = 32 << 20

    /// The first rows of a query with a column `body`, in the query's order, and a column `ahead` more. Looks at no body: its length is
    /// known from where it is kept.
    static func first(of rows: String) -> String {
        """
        SELECT * FROM (SELECT r.*, coalesce(sum(octet_length(r.body)) OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS ahead
            FROM (\(rows)) AS r) AS r
        WHERE r.ahead < \(bytes)
        """
    }

    /// Whether these may have left something behind that was asked for.
    package static func isFull(_ messages: some Sequence<Message>) -> Bool {
        messages.reduce(0) { $0 + $1.body.count } >= bytes
    }
}
