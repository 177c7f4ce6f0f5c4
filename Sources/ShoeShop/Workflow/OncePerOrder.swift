extension Sequence {
    /// The first element of each order, sorted by order id: the order in which every step locks rows.
    func oncePerOrder(_ id: (Element) -> OrderID) -> [Element] {
        var seen: Set<OrderID> = []
        return filter { seen.insert(id($0)).inserted }.sorted { id($0) < id($1) }
    }
}
