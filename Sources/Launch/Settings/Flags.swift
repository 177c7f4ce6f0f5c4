/// The command line taken apart: `--name value`, `--name=value`, and `--name` alone where the setting allows it.
///
/// The configuration library's own provider ignores what it does not know and splits values at commas, which
/// connection strings contain; so the flags are read here and handed to it as values.
struct Flags {
    private(set) var values: [String: String] = [:]
    private(set) var problems: [SettingsError.Problem] = []

    init(_ arguments: [String], table: [any SettingDeclaration]) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            guard argument.hasPrefix("--") else {
                problems.append(.unexpectedArgument(argument))
                continue
            }
            let parts = argument.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts[0])
            guard let setting = table.first(where: { $0.name == name }) else {
                problems.append(.unknownFlag("--\(name)", nearest: Self.nearest(to: name, in: table)))
                if parts.count == 1, let next = rest.first, !next.hasPrefix("--") { rest.removeFirst() }
                continue
            }
            if parts.count == 2 {
                values[name] = String(parts[1])
            } else if let text = setting.bareFlagText {
                values[name] = text
            } else if let next = rest.first, !next.hasPrefix("--") {
                values[name] = rest.removeFirst()
            } else {
                problems.append(.missingValue(setting.flag, expected: setting.expectation))
            }
        }
    }

    /// The known flag that a slip of the finger could have meant.
    private static func nearest(to name: String, in table: [any SettingDeclaration]) -> String? {
        let closest = table.map { ($0.flag, editDistance(name, $0.name)) }.min { $0.1 < $1.1 }
        return closest.flatMap { flag, distance in distance <= 3 ? flag : nil }
    }

    private static func editDistance(_ first: String, _ second: String) -> Int {
        let second = Array(second)
        var row = Array(0...second.count)
        for (i, left) in first.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, right) in second.enumerated() {
                let substituted = diagonal + (left == right ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(substituted, row[j] + 1, diagonal + 1)
            }
        }
        return row[second.count]
    }
}
