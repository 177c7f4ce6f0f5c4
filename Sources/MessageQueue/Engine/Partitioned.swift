extension Array {
    /// Those that belong, and the others, each in their order.
    func partitioned(by belongs: (Element) -> Bool) -> ([Element], [Element]) {
        reduce(into: ([], [])) { parts, element in
            if belongs(element) { parts.0.append(element) } else { parts.1.append(element) }
        }
    }
}
