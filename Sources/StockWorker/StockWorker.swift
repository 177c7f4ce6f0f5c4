import Launch
import ShoeShop

@main enum StockWorker {
    static func main() async {
        await Launch.worker("stock-worker", "Reserves, releases and dispatches shoes.") { shop in
            ReserveStock(shop)
            ReleaseStock(shop)
            DispatchStock(shop)
        }
    }
}
