import Hummingbird
import Launch

@main enum ProviderSandbox {
    static func main() async {
        await Launch.serve(
            "provider-sandbox", "The payment and the logistics provider, with ledgers, and faults to inject.",
            settings: SandboxSettings.table, port: 8090, requests: PeerRequestContext.self
        ) { context, router in
            let payment = try await Provider("payment", PaymentBook.self, SandboxSettings.paymentPort, context)
            let logistics = try await Provider("logistics", LogisticsBook.self, SandboxSettings.logisticsPort, context)
            Control(providers: [payment, logistics]).addRoutes(to: router)
            payment
            logistics
        }
    }
}
