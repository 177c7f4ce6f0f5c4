/// So many things, as it is read: `1 dead letter`, `2 dead letters`.
package struct CountText: CustomStringConvertible {
    package let description: String

    /// - Parameters:
    ///   - count: how many there are.
    ///   - noun: what one of them is called; of several it ends in `s`.
    package init(_ count: Int, _ noun: String) { description = "\(count) \(noun)\(count == 1 ? "" : "s")" }
}
