import ArgumentParser
import MessageQueue

struct Servers: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows each API, gateway and desk of any machine: version, host, address, health, last sign of life."
    )

    @OptionGroup var connection: DatabaseOption
    @OptionGroup var output: Output

    func run() async throws {
        let servers = try await connection.withDatabase { try await Broker($0).processes() }
        try output.show(servers) { Self.table(servers) }
    }

    private static func table(_ servers: [ProcessEntry]) -> Table {
        Table(
            [
                .text("SERVER"), .text("VERSION"), .text("HOST"), .number("PROCESS"), .text("ADDRESS"), .text("HEALTH"),
                .number("LAST SEEN"),
            ],
            rows: servers.map { server in
                [
                    server.name, server.version, server.host, "\(server.pid)", server.address, health(server),
                    Span(seconds: server.silence).text + " ago",
                ]
            })
    }

    private static func health(_ server: ProcessEntry) -> String {
        let troubles = server.troubles.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
        return troubles.isEmpty ? "ok" : troubles.joined(separator: "; ")
    }
}
