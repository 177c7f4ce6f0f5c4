import Configuration

/// The settings of a process: read once at its start, each one valid.
///
/// A flag goes before an environment variable, and that before the default; an empty variable counts as absent.
public struct Settings: Sendable {
    private let values: [String: any Sendable]

    /// Reads every setting of the table.
    ///
    /// - Parameters:
    ///   - table: All that may be set.
    ///   - arguments: The command line without the program's name.
    ///   - environment: The variables; others than those of the table are of no concern.
    /// - Throws: `SettingsError` with every problem found: unknown flags, missing and bad values.
    public init(
        _ table: [any SettingDeclaration], arguments: [String],
        environment: [String: String]
    ) throws(SettingsError) {
        let flags = Flags(arguments, table: table)
        let environment = environment.filter { !$0.value.isEmpty }
        let reader = ConfigReader(providers: [
            InMemoryProvider(name: "flags", values: flags.configuration),
            EnvironmentVariablesProvider(environmentVariables: environment),
        ])
        var values: [String: any Sendable] = [:]
        var problems = flags.problems
        for setting in table {
            guard let text = reader.string(forKey: setting.key) else { continue }
            values[setting.name] = setting.value(of: text)
            if values[setting.name] == nil {
                let source = flags.values[setting.name] == nil ? setting.variable : setting.flag
                problems.append(.badValue(source: source, text: text, expected: setting.expectation))
            }
        }
        guard problems.isEmpty else { throw SettingsError(problems: problems) }
        self.values = values
    }

    /// The value that was given, or the setting's default.
    public subscript<Value>(_ setting: Setting<Value>) -> Value {
        guard let value = values[setting.name] else { return setting.standard }
        return value as? Value ?? setting.standard
    }
}

extension SettingDeclaration {
    /// `database-url` is `database.url` to the configuration library, which makes `DATABASE_URL` of it.
    var key: ConfigKey { ConfigKey(name.split(separator: "-").map(String.init)) }
}

extension Flags {
    var configuration: [AbsoluteConfigKey: ConfigValue] {
        Dictionary(
            uniqueKeysWithValues: values.map { name, text in
                let key = AbsoluteConfigKey(name.split(separator: "-").map(String.init))
                return (key, ConfigValue(.string(text), isSecret: false))
            })
    }
}
