/// One diagram of the documentation: what it is about, and which figures it shows.
///
/// It holds no numbers; ``PlotChart`` puts those of a measurement in.
struct Plot: Sendable, Equatable {
    struct Row: Sendable, Equatable {
        /// As the benchmark calls it.
        let figure: String
        /// As the diagram calls it.
        let label: String

        init(_ figure: String, _ label: String) {
            self.figure = figure
            self.label = label
        }
    }

    enum Measure: Sendable {
        /// The figure itself, with its floor as a mark.
        case value
        /// The figure divided by its floor, with a mark at 1: for what should stay the same.
        case ratio
    }

    /// Of the file, without its extension.
    let name: String
    let title: String
    /// What is counted, and what the mark stands for.
    let note: String
    var measure = Measure.value
    let rows: [Row]
}
