import Foundation
import Hummingbird
import QueueDesk
import ShopProcesses

/// Every process of the shop: what it is, whether it is well, what it does, and what went wrong last.
struct ServicesPage {
    let desk: QueueDesk
    let services: Services

    private static let refresh = Duration.seconds(3)

    func add(to router: some RouterMethods) {
        router.get("services") { _, _ in
            let entries = try await desk.shared(desk.path("/services"), refresh: Self.refresh) { [services] in
                await services.all()
            }
            return desk.page(
                "Services", at: "/services", refresh: Self.refresh,
                [versions(entries), table(entries), errors(entries), note])
        }
    }

    /// A rolling deploy is seen as two versions side by side.
    private func versions(_ entries: [ServiceEntry]) -> HTML {
        let versions = Set(entries.compactMap(\.version)).sorted()
        guard versions.count > 1 else { return .text("") }
        return .paragraph(HTML("strong", [:], [.text("Versions side by side: \(versions.joined(separator: ", ")).")]))
    }

    private func table(_ entries: [ServiceEntry]) -> HTML {
        HTML.table(
            "Processes of this machine",
            ["Process", "Version", "Host", "#Number", "#Up for", "Health", "#Handled", "#A second"],
            entries.map { entry in
                [
                    .text(entry.name), .text(entry.version ?? "–"), .text(ProcessInfo.processInfo.hostName),
                    .text("\(entry.pid)"), .span(Date().timeIntervalSince(entry.since)), health(entry),
                    .text(entry.handled.map { "\($0)" } ?? "–"),
                    .text(entry.throughput.map { "\(($0 * 10).rounded() / 10)" } ?? "–"),
                ]
            }, empty: "Nobody has said here where he listens.")
    }

    private func health(_ entry: ServiceEntry) -> HTML {
        guard let troubles = entry.troubles else { return .badge("away") }
        if troubles.isEmpty { return .badge("ok") }
        let text = troubles.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: "; ")
        return HTML([.badge("failing"), .text(" " + text)])
    }

    private func errors(_ entries: [ServiceEntry]) -> HTML {
        HTML.table(
            "The last errors in their logs", ["Process", "Line"],
            entries.flatMap { entry in entry.errors.map { [.text(entry.name), HTML("code", [:], [.text($0)])] } },
            empty: "Their logs tell of no errors.")
    }

    private var note: HTML {
        services.isKnown
            ? .paragraph("Workers of other machines are on the pipeline's page.")
            : .paragraph(
                "Which processes there are, the desk learns from the setting --shop-folder. Workers are on the pipeline's page."
            )
    }
}
