import Launch
import ShoeShop

@main enum OrderWorker {
    static func main() async {
        await Launch.worker("order-worker", "Prices orders, keeps their status, and issues invoices.") { shop in
            PriceOrders(shop)
            TrackOrders(shop)
            IssueInvoices(shop)
        }
    }
}
