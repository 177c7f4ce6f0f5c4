import Hummingbird
import Launch
import QueueDesk
import ShoeShop
import ShopProcesses

@main enum ShopDesk {
    static func main() async {
        await Launch.serve(
            "shop-desk", "The operator's desk: every queue, message and dead letter of the shop, in a browser.",
            settings: Settings.desk, port: 8070, requests: PeerRequestContext.self
        ) { context, router in
            let access = try DeskAccess(context.settings)
            // Whoever looks for why a chore fails needs it.
            let shop = try await context.shop(
                doingChores: false, statementLimit: context.settings[Settings.statementTime])
            let desk = QueueDesk(shop.broker, options: options(access, context.settings), logger: context.logger)
            desk.addRoutes(to: router) { pages in
                OrdersPage(desk: desk, shop: shop).add(to: pages)
                ServicesPage(desk: desk, services: Services(folder: context.settings[Settings.shopFolder]))
                    .add(to: pages)
            }
            context.note(on: shop.broker)
            desk
        }
    }

    private static func options(_ access: DeskAccess, _ settings: Settings) -> QueueDesk.Options {
        var options = QueueDesk.Options(
            title: "Shoe shop", access: access.access,
            links: [.init("Orders", path: "/orders"), .init("Services", path: "/services")])
        options.hosts = access.hosts
        options.checks = MessageChecks.all
        options.retention = settings[Settings.retention]
        options.unattendedAfter = settings[Settings.unattendedAfter]
        options.behindAfter = settings[Settings.behindAfter]
        return options
    }
}
