import XMLMarkup

extension Chart {
    var svg: String {
        let labels = LabelLanes(annotations.filter(isInside), within: Self.plot.left...Self.plot.right, position: x)
        let top = Double(labels.lanes) * Self.laneHeight + 10
        let frame = Frame(top: top, bottom: top + Self.plot.height, values: values)
        let size = "0 0 \(Numerals.coordinate(Self.width)) \(Numerals.coordinate(frame.bottom + Self.below))"
        let head = [
            Markup("title", ["id": "\(id)-title"], [Markup(text: title)]),
            Markup("desc", ["id": "\(id)-desc"], [Markup(text: description)]),
        ]
        let parts =
            head + grid(in: frame) + bands(in: frame) + clock(in: frame) + names(labels, in: frame)
            + curves.flatMap { draw($0, in: frame) } + [cursor(in: frame)]
        return Markup(
            "svg",
            [
                "xmlns": "http://www.w3.org/2000/svg", "class": "chart", "viewBox": size, "role": "img",
                "aria-labelledby": "\(id)-title", "aria-describedby": "\(id)-desc",
                "data-left": Numerals.coordinate(Self.plot.left), "data-right": Numerals.coordinate(Self.plot.right),
                "data-from": Numerals.exact(extent.lowerBound), "data-to": Numerals.exact(extent.upperBound),
                "data-axis": "\(axis)",
            ], [.lines(parts)]
        ).source
    }

    /// The plot from above to below, and what its height means.
    struct Frame {
        let top, bottom: Double
        let values: Scale
        func y(_ value: Double) -> Double { bottom - values.share(of: value) * (bottom - top) }
    }

    func x(_ at: Double) -> Double {
        Self.plot.left + time.share(of: at) * (Self.plot.right - Self.plot.left)
    }

    private func isInside(_ note: Annotation) -> Bool {
        note.to >= extent.lowerBound && note.from <= extent.upperBound
    }

    private func grid(in frame: Frame) -> [Markup] {
        frame.values.ticks.flatMap { tick in
            let y = frame.y(tick)
            let style = tick == frame.values.range.lowerBound ? "axis" : "grid"
            return [
                Self.line(style, x: (Self.plot.left, Self.plot.right), y: (y, y)),
                Self.text("tick end", axis.text(tick), x: Self.plot.left - 8, y: y + 4),
            ]
        }
    }

    private func clock(in frame: Frame) -> [Markup] {
        let length = extent.upperBound - extent.lowerBound
        return time.ticks.flatMap { tick in
            let x = x(tick)
            let text = Numerals.clock(tick, of: length)
            // A label in the middle of the last tick would reach over the edge.
            let style = x > Self.plot.right - 16 ? "tick end" : "tick middle"
            return [
                Self.line("axis", x: (x, x), y: (frame.bottom, frame.bottom + 4)),
                Self.text(style, text, x: style == "tick end" ? Self.plot.right : x, y: frame.bottom + 18),
            ]
        }
    }

    private func bands(in frame: Frame) -> [Markup] {
        annotations.filter(isInside).map { note in
            let (from, to) = (x(note.from), x(note.to))
            guard note.kind == .fault, to - from >= 1 else {
                return Self.line("\(note.kind)", x: (from, from), y: (frame.top, frame.bottom))
            }
            return Markup(
                "rect",
                [
                    "class": "band", "x": Numerals.coordinate(from), "width": Numerals.coordinate(to - from),
                    "y": Numerals.coordinate(frame.top), "height": Numerals.coordinate(frame.bottom - frame.top),
                ])
        }
    }

    private func names(_ lanes: LabelLanes, in frame: Frame) -> [Markup] {
        func y(_ label: LabelLanes.Label) -> Double { 13 + Double(label.lane) * Self.laneHeight }
        // Texts lie over the lines that lead past them.
        let leaders = lanes.labels.map { label in
            Self.line("leader", x: (label.anchor, label.anchor), y: (y(label) + 3, frame.top))
        }
        let names = leaders + lanes.labels.map { Self.text("label \($0.kind)", $0.text, x: $0.x, y: y($0)) }
        guard lanes.leftOut > 0 else { return names }
        return names + [Self.text("label end", "+\(lanes.leftOut) more", x: Self.plot.left - 8, y: 13)]
    }

    private func cursor(in frame: Frame) -> Markup {
        Self.line("cursor", x: (Self.plot.left, Self.plot.left), y: (frame.top, frame.bottom))
    }

    static func line(_ style: String, x: (Double, Double), y: (Double, Double)) -> Markup {
        Markup(
            "line",
            [
                "class": style, "x1": Numerals.coordinate(x.0), "x2": Numerals.coordinate(x.1),
                "y1": Numerals.coordinate(y.0), "y2": Numerals.coordinate(y.1),
            ])
    }

    static func text(_ style: String, _ text: String, x: Double, y: Double) -> Markup {
        Markup(
            "text", ["class": style, "x": Numerals.coordinate(x), "y": Numerals.coordinate(y)], [Markup(text: text)])
    }
}
