import Hummingbird
import Launch
import QueueDesk
import ShoeShop

@main enum ShopDesk {
    static func main() async {
        await Launch.serve(
            "shop-desk", "The operator's desk: every queue, message and dead letter of the shop, in a browser.",
            settings: Settings.desk, port: 8070, requests: BasicRequestContext.self
        ) { context, router in
            let access = try DeskAccess(context.settings)
            let shop = try await context.shop()
            let desk = QueueDesk(
                shop.broker, options: .init(title: "Shoe shop", access: access.access), logger: context.logger)
            desk.addRoutes(to: router)
            desk
        }
    }
}
