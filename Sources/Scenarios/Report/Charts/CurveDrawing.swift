import XMLMarkup

extension Chart {
    /// The path of a curve, and dots for the values that gaps on both sides leave alone.
    func draw(_ curve: Curve, in frame: Frame) -> [Markup] {
        // More than two columns to a pixel of a wide screen are not seen.
        let curve = curve.thinned(to: Int(Self.plot.right - Self.plot.left) / 2, of: extent)
        let path =
            switch curve.style {
            case .line: curve.segments.filter { $0.count > 1 }.map { linePath($0, in: frame) }.joined(separator: " ")
            case .crosses: curve.segments.joined().map { cross($0, in: frame) }.joined(separator: " ")
            }
        let drawn = Markup(
            "path",
            [
                "class": "line c\(curve.colour)", "d": path, "data-name": curve.name, "data-times": times(of: curve),
                "data-values": values(of: curve),
            ])
        let alone = curve.style == .line ? curve.segments.filter { $0.count == 1 }.joined() : [].joined()
        return [drawn]
            + alone.map { point in
                Markup("circle", ["class": "dot c\(curve.colour)", "cx": cx(point), "cy": cy(point, frame), "r": "2"])
            }
    }

    /// Moves to the first point and draws lines to the others.
    func linePath(_ points: [Curve.Point], in frame: Frame) -> String {
        points.enumerated().map { index, point in
            "\(index == 0 ? "M" : "L")\(cx(point)) \(cy(point, frame))"
        }.joined()
    }

    private func cross(_ point: Curve.Point, in frame: Frame) -> String {
        let (x, y) = (x(point.at), frame.y(point.value ?? 0))
        let (left, right) = (Numerals.coordinate(x - 3), Numerals.coordinate(x + 3))
        let (above, below) = (Numerals.coordinate(y - 3), Numerals.coordinate(y + 3))
        return "M\(left) \(above)L\(right) \(below)M\(left) \(below)L\(right) \(above)"
    }

    private func cx(_ point: Curve.Point) -> String { Numerals.coordinate(x(point.at)) }
    private func cy(_ point: Curve.Point, _ frame: Frame) -> String {
        Numerals.coordinate(frame.y(point.value ?? 0))
    }

    private func times(of curve: Curve) -> String {
        curve.points.map { Numerals.exact($0.at) }.joined(separator: " ")
    }

    /// What is not known is a dash.
    private func values(of curve: Curve) -> String {
        curve.points.map { $0.value.map(Numerals.exact) ?? "-" }.joined(separator: " ")
    }
}
