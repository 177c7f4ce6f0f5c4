import MessageQueue

/// What a program tells about itself: `--help`, made from the table of settings, and `--version`.
struct Help {
    let name: String
    let about: String
    let table: [any SettingDeclaration]

    /// What is printed instead of starting; nil when the arguments ask for nothing of that kind.
    func answer(to arguments: [String]) -> String? {
        if arguments.contains(where: { ["--help", "-h"].contains($0) }) { return text }
        return arguments.contains("--version") ? "\(name) \(Broker.libraryVersion)" : nil
    }

    var text: String {
        """
        \(name): \(about)

        Usage: \(name) [--setting value]...

        A setting is a flag or an environment variable; the flag goes first.

        \((settings + questions).joined(separator: "\n"))
        """
    }

    private var settings: [String] {
        table.map { setting in
            let fallback = setting.standardText.isEmpty ? nil : "default: \(setting.standardText)"
            let facts = [setting.rangeText, fallback].compactMap(\.self).joined(separator: "; ")
            return row(setting.flag, setting.variable, setting.meaning + (facts.isEmpty ? "" : " (\(facts))"))
        }
    }

    private var questions: [String] {
        [row("--help", "", "Shows this text."), row("--version", "", "Shows the version of the program.")]
    }

    private func row(_ flag: String, _ variable: String, _ meaning: String) -> String {
        let flagWidth = table.map(\.flag.count).max() ?? 0
        let variableWidth = table.map(\.variable.count).max() ?? 0
        return "  \(padded(flag, to: flagWidth))  \(padded(variable, to: variableWidth))  \(meaning)"
    }

    private func padded(_ text: String, to width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
