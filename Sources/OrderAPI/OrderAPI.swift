import Hummingbird
import Launch
import Logging
import MessageQueue
import ShoeShop
import ShopHTTP

@main enum OrderAPI {
    static func main() async {
        await Launch.serve(
            "order-api", "Accepts orders over HTTP, and tells how they stand; also the shop in a browser.",
            settings: Settings.shop + [Settings.ordersPerTransaction], port: 8080,
            requests: PeerRequestContext.self
        ) { context, router in
            let shop = try await context.shop()
            context.showQueues(of: shop.broker)
            let desk = OrderDesk(shop, ordersPerTransaction: context.settings[Settings.ordersPerTransaction])
            let followers = Followers(shop, logger: context.logger)
            addRoutes(of: shop, desk, followers, to: router, logger: context.logger)
            context.note(on: shop.broker)
            followers
            KeyHousekeeping(broker: shop.broker, logger: context.logger)
        }
    }

    private static func addRoutes(
        of shop: Shop, _ desk: OrderDesk, _ followers: Followers, to router: Router<PeerRequestContext>, logger: Logger
    ) {
        router.add(middleware: AnswerHeaders())
        router.add(
            middleware: Problems(paths: .api, logger: logger) { problem, request in
                request.isOfBrowser ? ProblemView(problem).response : nil
            })
        SubmissionRoutes(desk, followers.reader).add(to: router)
        CancellationRoute(shop).add(to: router)
        ReadingRoutes(OrderReader(shop.database), followers.reader).add(to: router)
        FollowRoutes(followers: followers, orders: OrderReader(shop.database)).add(to: router)
        DescriptionRoute().add(to: router)
        Window(shop, desk, followers.reader).add(to: router)
    }
}

extension Paths {
    /// Those of `openapi.yaml`, and of the pages.
    fileprivate static let api = Paths([
        (["orders"], .post), (["orders", "*"], .get), (["orders", "*", "events"], .get),
        (["orders", "*", "invoice"], .get), (["orders", "*", "cancel"], .post), (["products"], .get),
        (["customers", "me", "events"], .get), (["mine"], .get), (["mine", "key"], .post),
        (["mine", "forget"], .post),
        (["openapi.yaml"], .get), ([], .get), (["basket"], .get), (["basket", "lines"], .post), (["checkout"], .post),
        (["stock"], .get), (["shop.css"], .get), (["shop.js"], .get), (["pictures", "*"], .get),
    ])
}
