import Foundation
import Hummingbird
import MessageQueue
import QueueDesk
import ShopProcesses

/// Every process of the shop: what it is, whether it is well, what it does, and what went wrong last.
struct ServicesPage {
    let desk: QueueDesk
    let services: Services

    private static let host = ProcessInfo.processInfo.hostName
    private static let refresh = Duration.seconds(3)

    func add(to router: some RouterMethods) {
        router.get("services") { _, _ in
            async let entries = desk.shared(desk.path("/services"), refresh: Self.refresh) { [services] in
                await services.all()
            }
            let workers = await desk.consumers()
            let known = await desk.processes(refresh: Self.refresh)
            let deployment = Deployment(try await entries, workers ?? [], known ?? [], on: Self.host)
            return desk.page(
                "Services", at: "/services", refresh: Self.refresh,
                [
                    mixtures(deployment), here(deployment), elsewhere(deployment, isKnown: workers != nil),
                    servers(deployment, isKnown: known != nil), errors(deployment), note,
                ])
        }
    }

    /// A rolling deploy is seen as two versions side by side.
    private func mixtures(_ deployment: Deployment) -> HTML {
        HTML(
            deployment.mixtures.map { versions -> HTML in
                let text = "Versions side by side: \(versions.joined(separator: ", "))."
                return .paragraph(HTML("strong", [:], [.text(text)]))
            })
    }

    private func here(_ deployment: Deployment) -> HTML {
        HTML.table(
            "Processes of this machine",
            ["Process", "Version", "Host", "#Number", "#Up for", "Health", "#Handled", "#A second"],
            deployment.here.map { entry in
                [
                    .text(entry.name), .text(entry.version ?? "–"), .text(Self.host),
                    .text("\(entry.pid)"), .span(Date().timeIntervalSince(entry.since)), health(entry.troubles),
                    .text(entry.handled.map { "\($0)" } ?? "–"),
                    .text(entry.throughput.map { "\(($0 * 10).rounded() / 10)" } ?? "–"),
                ]
            }, empty: "Nobody has said here where he listens.")
    }

    private func elsewhere(_ deployment: Deployment, isKnown: Bool) -> HTML {
        let empty =
            isKnown ? "No worker is known that has left no note here." : "Which workers there are can't be read now."
        return HTML.table(
            "Workers elsewhere", ["Worker", "Version", "Host", "#Number", "#Up for", "Last sign of life"],
            deployment.elsewhere.map { worker in
                [
                    .text(worker.name), .text(worker.version), .text(worker.host), .text("\(worker.pid)"),
                    .span(Date().timeIntervalSince(worker.startedAt)),
                    HTML("span", [:], [.span(worker.silence), " ago"]),
                ]
            }, empty: empty)
    }

    private func servers(_ deployment: Deployment, isKnown: Bool) -> HTML {
        let empty =
            isKnown ? "No server is known that has left no note here." : "Which servers there are can't be read now."
        return HTML.table(
            "Servers elsewhere",
            ["Server", "Version", "Host", "#Number", "#Up for", "Listens at", "Health", "Last sign of life"],
            deployment.servers.map { server in
                [
                    .text(server.name), .text(server.version), .text(server.host), .text("\(server.pid)"),
                    .span(Date().timeIntervalSince(server.startedAt)), .text(server.address),
                    health(server.isSilent ? nil : server.troubles),
                    HTML("span", [:], [.span(server.silence), " ago"]),
                ]
            }, empty: empty)
    }

    private func health(_ troubles: [String: String]?) -> HTML {
        guard let troubles else { return .badge("away") }
        if troubles.isEmpty { return .badge("ok") }
        let text = troubles.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: "; ")
        return HTML([.badge("failing"), .text(" " + text)])
    }

    private func errors(_ deployment: Deployment) -> HTML {
        HTML.table(
            "The last errors in their logs", ["Process", "Line"],
            deployment.here.flatMap { entry in
                entry.errors.map { [.text(entry.name), HTML("code", [:], [.text($0)])] }
            },
            empty: "Their logs tell of no errors.")
    }

    private var note: HTML {
        let unseen =
            "Processes of other machines are seen as they note themselves in the database: no log, and of workers no "
            + "health but the last sign of life."
        let folder = " Which processes this machine has, the desk learns from the setting --shop-folder."
        return .paragraph(.text(services.isKnown ? unseen : unseen + folder))
    }
}
