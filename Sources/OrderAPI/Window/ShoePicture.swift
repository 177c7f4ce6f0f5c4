/// A shoe, drawn from its model and colour.
struct ShoePicture {
    private let shape: Shape
    private let colour: String

    private enum Shape { case low, high, open, slip }

    private static let colours = [
        "tan": "#c08a4a", "green": "#3c7a4b", "sand": "#d9c39a", "white": "#f1f1ec", "red": "#b8322a",
        "blue": "#2f5fa8",
        "navy": "#1f2f55", "brown": "#6b4426", "grey": "#8b9096", "black": "#2a2a2c",
    ]
    private static let shapes: [String: Shape] = [
        "BOOT": .high, "CHELSEA": .high, "HIKER": .high, "SANDAL": .open, "CLOG": .slip, "SLIPPER": .slip,
        "LOAFER": .slip, "BALLET": .slip, "MOC": .slip,
    ]

    /// Nil for what is no colour of ours; a model that nobody has drawn looks like most shoes do.
    init?(model: Substring, colour: Substring) {
        guard let colour = Self.colours[String(colour)] else { return nil }
        self.colour = colour
        shape = Self.shapes[String(model)] ?? .low
    }

    var svg: String {
        """
        <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 240 140">
        <ellipse cx="122" cy="126" rx="104" ry="7" fill="#000" opacity=".12"/>
        <path d="M18 108 h204 q6 0 6 7 q0 9 -10 9 h-192 q-12 0 -12 -9 z" fill="#f4f2ec" stroke="#1b2228" stroke-width="2"/>
        \(upper)
        </svg>
        """
    }

    private var upper: String {
        switch shape {
        case .low:
            path("M22 108 V62 q14 8 30 2 q10 -4 20 -10 q30 34 76 36 q60 2 74 18 z") + laces(from: 88, y: 66)
                + stripe
        case .high:
            path("M30 108 V18 h62 q2 40 20 56 q22 16 54 18 q46 2 56 16 z") + laces(from: 92, y: 44)
                + "<path d=\"M30 30 h62\" stroke=\"#1b2228\" stroke-width=\"2\"/>"
        case .open:
            path("M30 108 q10 -46 34 -46 l14 46 z") + path("M120 108 q6 -40 46 -36 q18 4 20 36 z")
                + "<path d=\"M64 62 q50 -8 80 14\" fill=\"none\" stroke=\"\(colour)\" stroke-width=\"9\" stroke-linecap=\"round\"/>"
        case .slip:
            path("M22 108 V70 q22 14 60 2 q32 -8 74 10 q52 8 66 26 z")
                + "<path d=\"M84 71 q10 20 -6 37\" fill=\"none\" stroke=\"#1b2228\" stroke-width=\"2\" opacity=\".5\"/>"
        }
    }

    private var stripe: String {
        "<path d=\"M60 104 q10 -26 34 -30 M78 104 q10 -18 30 -22\" fill=\"none\" stroke=\"#fff\" stroke-width=\"5\" opacity=\".7\"/>"
    }

    private func path(_ d: String) -> String {
        "<path d=\"\(d)\" fill=\"\(colour)\" stroke=\"#1b2228\" stroke-width=\"2\" stroke-linejoin=\"round\"/>"
    }

    private func laces(from x: Int, y: Int) -> String {
        (0..<4).map { step in
            let (x, y) = (x + step * 14, y + step * 7)
            return "<path d=\"M\(x) \(y) l-9 12\" stroke=\"#fff\" stroke-width=\"3\" stroke-linecap=\"round\"/>"
        }.joined()
    }
}
