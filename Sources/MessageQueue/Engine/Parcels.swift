extension Array {
    /// In stretches of which each travels in one statement, in order; something heavier than ``MessageLimits/parcelBytes`` goes
    /// alone.
    ///
    /// - Parameter weight: what one adds to the size of a statement, in bytes.
    func parcels(weighing weight: (Element) -> Int) -> [[Element]] {
        var parcels: [[Element]] = []
        var start = 0
        var bytes = 0
        for (index, element) in enumerated() {
            let more = weight(element)
            if index > start, bytes + more > MessageLimits.parcelBytes {
                parcels.append(Array(self[start..<index]))
                (start, bytes) = (index, 0)
            }
            bytes += more
        }
        return start == 0 ? (isEmpty ? [] : [self]) : parcels + [Array(self[start...])]
    }
}
