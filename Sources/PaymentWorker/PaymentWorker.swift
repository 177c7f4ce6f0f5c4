import Launch
import ShoeShop

@main enum PaymentWorker {
    static func main() async {
        await Launch.worker("payment-worker", "Charges customers, and refunds them.") { shop in
            ChargePayment(shop)
            RefundPayment(shop)
            CancelPayment(shop)
        }
    }
}
