import Hummingbird
import Launch
import QueueGateway

@main enum MessageGateway {
    static func main() async {
        await Launch.serve(
            "message-gateway",
            "Queues and topics over HTTP, for programs in any language, with the SDKs that they have.",
            settings: Settings.gateway, port: 8075, connections: \.connectionCare, requests: GatewayRequestContext.self
        ) { context, router in
            let secret = try context.settings.gatewaySecret()
            let broker = try await context.broker()
            context.showQueues(of: broker)
            let gateway = QueueGateway(
                broker, secret: secret, options: context.settings.options, logger: context.logger)
            gateway.mount(on: router)
            context.note(on: broker)
            gateway
        }
    }
}
