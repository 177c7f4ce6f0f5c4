import ArgumentParser
import Foundation
import ShopProcesses

struct ShowServices: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "services",
        abstract:
            "Shows each process of the running shop: version, health, throughput, and the last errors of its log.",
        discussion: """
            Of this machine, as they say themselves where they listen. Those of other machines: shoeshop workers, and
            shoeshop servers. It takes a second, in which what they handle is counted.
            """)

    @OptionGroup var folder: FolderOption
    @OptionGroup var output: Output

    func run() async throws {
        let services = Services(folder: folder.shop.path)
        guard await !services.all().isEmpty else {
            throw ValidationError(
                "No process of a shop listens here, says \(folder.shop.path). Start one (shoeshop up), or name its --folder."
            )
        }
        // Throughput is what has come to it since.
        try await Task.sleep(for: .milliseconds(1050))
        let entries = await services.all()
        try output.show(entries, text: Self.lines(entries).joined(separator: "\n"))
    }

    private static func lines(_ entries: [ServiceEntry]) -> [String] {
        let versions = Set(entries.compactMap(\.version)).sorted()
        let notice = versions.count > 1 ? ["", "Versions side by side: \(versions.joined(separator: ", "))."] : []
        let errors = entries.flatMap { entry in entry.errors.map { [entry.name, $0] } }
        let log =
            errors.isEmpty ? [] : [""] + Table([.text("PROCESS"), .text("LAST ERRORS OF ITS LOG")], rows: errors).lines
        return table(entries).lines + notice + log
    }

    private static func table(_ entries: [ServiceEntry]) -> Table {
        Table(
            [
                .text("PROCESS"), .text("VERSION"), .number("NUMBER"), .number("UP FOR"), .number("HANDLED"),
                .number("A SECOND"), .text("HEALTH"),
            ],
            rows: entries.map { entry in
                [
                    entry.name, entry.version ?? "", "\(entry.pid)",
                    Span(seconds: Date().timeIntervalSince(entry.since)).text, entry.handled.map { "\($0)" } ?? "",
                    entry.throughput.map { "\(($0 * 10).rounded() / 10)" } ?? "", health(entry),
                ]
            })
    }

    private static func health(_ entry: ServiceEntry) -> String {
        guard let troubles = entry.troubles else { return "away" }
        return troubles.isEmpty
            ? "ok" : troubles.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: "; ")
    }
}
