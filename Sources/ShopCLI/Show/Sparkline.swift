/// A line of blocks, each as high as its value beside the highest.
struct Sparkline {
    let text: String

    private static let blocks = Array("▁▂▃▄▅▆▇█")

    /// - Parameters:
    ///   - values: the oldest first; of more than fit the newest are shown.
    ///   - width: in columns; where there are fewer values, blanks come first.
    init(_ values: [Double], width: Int) {
        let shown = values.suffix(width)
        let most = shown.max() ?? 0
        let blocks = shown.map { value -> Character in
            let level = most > 0 ? Int((value / most * Double(Self.blocks.count - 1)).rounded()) : 0
            return Self.blocks[min(max(level, 0), Self.blocks.count - 1)]
        }
        text = String(repeating: " ", count: width - blocks.count) + String(blocks)
    }
}
