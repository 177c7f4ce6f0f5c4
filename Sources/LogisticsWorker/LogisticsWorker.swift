import Launch
import ShoeShop

@main enum LogisticsWorker {
    static func main() async {
        await Launch.worker(
            "logistics-worker", "Books deliveries at the carrier, and decides whether an order can still be cancelled."
        ) { shop in
            BookDelivery(shop)
            CancelBooking(shop)
        }
    }
}
