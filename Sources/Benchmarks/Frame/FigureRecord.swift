/// A figure with the place it was measured at, for programs.
public struct FigureRecord: Encodable, Sendable {
    let figure: Figure
    let server: ServerFacts
    let machine: String

    public init(_ figure: Figure, at server: ServerFacts, on machine: String = Machine.description) {
        self.figure = figure
        self.server = server
        self.machine = machine
    }

    private enum CodingKeys: CodingKey { case name, value, unit, floor, ratio, runs, spread, server, machine }

    /// Every key each time: a number without a floor has `null` for it.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(figure.name, forKey: .name)
        try container.encode(figure.value, forKey: .value)
        try container.encode(figure.unit, forKey: .unit)
        try container.encode(figure.floor, forKey: .floor)
        try container.encode(figure.ratio, forKey: .ratio)
        try container.encode(figure.runs, forKey: .runs)
        try container.encode(figure.spread, forKey: .spread)
        try container.encode(server, forKey: .server)
        try container.encode(machine, forKey: .machine)
    }
}
