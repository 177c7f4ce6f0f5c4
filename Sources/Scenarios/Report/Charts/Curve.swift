/// One line of a chart: values over time, with gaps where nothing is known.
struct Curve: Sendable {
    enum Style: Sendable { case line, crosses }

    struct Point: Sendable, Equatable {
        let at: Double
        /// Nil: not known at this moment.
        let value: Double?
    }

    let name: String
    /// Its place in the palette of colours and dashes.
    let colour: Int
    let style: Style
    /// In the order of time.
    let points: [Point]

    init(_ name: String, colour: Int, style: Style = .line, _ points: [Point]) {
        self.name = name
        self.colour = colour
        self.style = style
        self.points = points.filter { $0.at.isFinite && $0.value?.isFinite ?? true }
    }

    var highest: Double? { points.compactMap(\.value).max() }
    var last: Double? { points.last { $0.value != nil }?.value }

    /// Runs of known values: a line is drawn within each, and none between them.
    var segments: [[Point]] {
        points.split { $0.value == nil }.map(Array.init)
    }

    /// The same picture with fewer points: of each column, the first, the lowest, the highest and the last value, and
    /// every beginning of a gap.
    func thinned(to columns: Int, of extent: ClosedRange<Double>) -> Curve {
        let length = extent.upperBound - extent.lowerBound
        guard points.count > columns * 4, length > 0 else { return self }
        var kept: [Point] = []
        var column: [Point] = []
        var number = -Double.infinity
        for point in points {
            let its = ((point.at - extent.lowerBound) / length * Double(columns)).rounded(.down)
            let isGap = point.value == nil
            if its != number || isGap != (column.last?.value == nil) {
                kept += Self.landmarks(of: column)
                column = []
                number = its
            }
            column.append(point)
        }
        return Curve(name, colour: colour, style: style, kept + Self.landmarks(of: column))
    }

    /// Of points that are all known or all unknown; in the order of time, each once.
    private static func landmarks(of column: [Point]) -> [Point] {
        guard let first = column.first, first.value != nil else { return Array(column.prefix(1)) }
        let order = column.indices.sorted { column[$0].value ?? 0 < column[$1].value ?? 0 }
        let indices = Set([column.indices.first, order.first, order.last, column.indices.last].compactMap(\.self))
        return indices.sorted().map { column[$0] }
    }
}
