import Hummingbird
import Launch
import Logging
import ShoeShop
import ShopHTTP

@main enum CoupledShop {
    private static let settings: [any SettingDeclaration] = [
        Settings.databaseURL, Settings.databaseConnections, Settings.paymentURL, Settings.logisticsURL,
    ]

    static func main() async {
        await Launch.serve(
            "coupled-shop", "The shop in one component: everything is done while the customer waits.",
            settings: settings, port: 8080, requests: PeerRequestContext.self
        ) { context, router in
            let shop = try await context.shop(doingChores: false)
            context.showQueues(of: shop.broker)
            addRoutes(of: shop, to: router, logger: context.logger)
        }
    }

    private static func addRoutes(of shop: Shop, to router: Router<PeerRequestContext>, logger: Logger) {
        router.add(middleware: Problems(paths: Paths([(["orders"], .post)]), logger: logger))
        CheckoutRoute(checkout: Checkout(shop), logger: logger).add(to: router)
    }
}
