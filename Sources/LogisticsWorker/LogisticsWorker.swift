import Launch
import ShoeShop

@main enum LogisticsWorker {
    static func main() async {
        await Launch.worker("logistics-worker", "Books deliveries at the carrier.") { shop in
            BookDelivery(shop)
        }
    }
}
