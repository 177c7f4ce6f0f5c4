/// The text of `--help`, made from the table of settings.
struct Help {
    let name: String
    let about: String
    let table: [any SettingDeclaration]

    var text: String {
        """
        \(name): \(about)

        Usage: \(name) [--setting value]...

        A setting is a flag or an environment variable; the flag goes first.

        \((rows + [helpRow]).joined(separator: "\n"))
        """
    }

    private var rows: [String] {
        table.map { setting in
            let fallback = setting.standardText.isEmpty ? "" : " (default: \(setting.standardText))"
            return row(setting.flag, setting.variable, setting.meaning + fallback)
        }
    }

    private var helpRow: String { row("--help", "", "Shows this text.") }

    private func row(_ flag: String, _ variable: String, _ meaning: String) -> String {
        let flagWidth = table.map(\.flag.count).max() ?? 0
        let variableWidth = table.map(\.variable.count).max() ?? 0
        return "  \(padded(flag, to: flagWidth))  \(padded(variable, to: variableWidth))  \(meaning)"
    }

    private func padded(_ text: String, to width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
