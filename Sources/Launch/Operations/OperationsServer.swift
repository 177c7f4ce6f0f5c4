import HostNames
import Hummingbird
import Logging
import MessageQueue
import NIOCore
import ServiceLifecycle

/// The HTTP server of a process. Once it listens, it says so in the log and in the ready-file.
struct OperationsServer: Service {
    private let application: any Service
    private let listening: (ports: AsyncStream<Int>, continuation: AsyncStream<Int>.Continuation)
    private let context: Context
    private let scheme: String

    init<Request: RequestContext>(
        router: Router<Request>, port: PortNumber, context: Context, connections: ConnectionCare
    ) throws where Request.Source == ApplicationRequestContextSource {
        let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
        var quiet = context.logger
        quiet.logLevel = max(.warning, context.logger.logLevel)
        let patience = TimeAmount(context.settings[Settings.clientTimeout])
        let clients = OpenFiles.clients(atMost: context.settings[Settings.clients])
        let encryption = try Encryption(context.settings)
        self.context = context
        self.scheme = encryption == nil ? "http" : "https"
        self.listening = (ports, continuation)
        application = Application(
            router: router,
            server: try connections.server(patience: patience, encryptedBy: encryption),
            configuration: .init(
                address: .hostname(context.settings[Settings.host], port: Int(port.number)), serverName: context.name,
                availableConnectionsDelegate: .maximum(clients, logger: quiet)),
            onServerRunning: { channel in continuation.yield(channel.localAddress?.port ?? Int(port.number)) },
            logger: quiet)
    }

    func run() async throws {
        let readyFile = context.settings[Settings.readyFile].map { ReadyFile(path: $0) }
        defer { readyFile?.remove() }
        try await withThrowingTaskGroup { group in
            group.addTask {
                defer { listening.continuation.finish() }
                try await application.run()
            }
            for await port in listening.ports.cancelOnGracefulShutdown() {
                try announce(port, readyFile)
            }
            try await group.waitForAll()
        }
    }

    private func announce(_ port: Int, _ readyFile: ReadyFile?) throws {
        let authority = HostName.authority(context.settings[Settings.host], port: port)
        let own = "\(scheme)://\(authority)"
        context.operations.listens(at: own)
        let addresses = context.operations.addresses(own: own)
        try readyFile?.write(addresses)
        let askers = context.settings[Settings.operationsFrom]
        context.logger.info(askers.notice, metadata: ["operations-from": "\(askers.rawValue)"])
        let told = addresses.merging(["version": Broker.libraryVersion]) { _, version in version }
        context.logger.info("listening", metadata: told.mapValues { .string($0) })
    }
}
