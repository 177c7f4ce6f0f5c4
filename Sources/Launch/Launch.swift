import Foundation
public import Hummingbird
import Logging
import NIOCore
import NIOPosix
public import ServiceLifecycle
import Terminal
import UnixSignals

/// Starts a process of the shop, so that an executable's main is a table of contents.
///
/// ```swift
/// await Launch.run("invoice-printer", "Prints what was sold.", settings: [InvoiceSettings.printer]) { context in
///     InvoicePrinter(context.settings[InvoiceSettings.printer])
/// }
/// ```
///
/// Both entries read the settings, install logging and metrics, serve the operations routes (``Operations``) and
/// run the services until SIGTERM or SIGINT, which shuts them down gracefully within `--shutdown-timeout`.
/// They return after a graceful shutdown and otherwise end the process: status 64 when the settings are wrong,
/// 1 when a service failed, 74 when `--help` or `--version` can't be written, 75 when something did not end within
/// `--shutdown-timeout`.
public enum Launch {
    /// Runs services with an HTTP server for operations beside them, which stops last.
    public static func run(
        _ name: String, _ about: String, settings: [any SettingDeclaration] = [], port: PortNumber = 0,
        @ServiceList _ services: @Sendable (Context) async throws -> [any Service]
    ) async {
        await launch(name, about, settings, port, PeerRequestContext.self, serverStops: .last) { context, _ in
            try await services(context)
        }
    }

    /// Runs an HTTP server of its own; the operations routes are added to its router. The server stops first, so
    /// that the services can finish what it accepted.
    public static func serve<Request: RemoteAddressRequestContext>(
        _ name: String, _ about: String, settings: [any SettingDeclaration] = [], port: PortNumber = 0,
        connections: @Sendable (Settings) -> ConnectionCare = { _ in .init() }, requests: Request.Type,
        @ServiceList _ services: @Sendable (Context, Router<Request>) async throws -> [any Service]
    ) async where Request.Source == ApplicationRequestContextSource {
        await launch(name, about, settings, port, requests, connections, serverStops: .first, services)
    }
}

extension Launch {
    private enum ServerStops { case first, last }

    private static func launch<Request: RemoteAddressRequestContext>(
        _ name: String, _ about: String, _ declared: [any SettingDeclaration], _ port: PortNumber,
        _ requests: Request.Type, _ connections: (Settings) -> ConnectionCare = { _ in .init() },
        serverStops: ServerStops,
        _ services: @Sendable (Context, Router<Request>) async throws -> [any Service]
    ) async where Request.Source == ApplicationRequestContextSource {
        // Tasks run where their sockets are read: each hop to a thread of the default executor and back would cost a
        // context switch. Refused by runtimes that don't have the hook, and then nothing changes but the speed.
        NIOSingletons.unsafeTryInstallSingletonPosixEventLoopGroupAsConcurrencyGlobalExecutor()
        let settings = settingsOrExit(name, about, Settings.standard(port: port) + declared)
        let context = Context.bootstrap(name: name, settings: settings)
        do {
            let router = Router(context: requests, options: .autoGenerateHeadEndpoints)
            router.add(middleware: RequestMetrics())
            if context.spans != nil { router.add(middleware: RequestTracing()) }
            var all = try await services(context, router)
            context.operations.addRoutes(to: router, from: settings[Settings.operationsFrom])
            let server = try OperationsServer(
                router: router, port: settings[Settings.port(default: port)], context: context,
                connections: connections(settings)
            )
            // The group stops its services in the reverse of this order.
            all.insert(server, at: serverStops == .first ? all.endIndex : all.startIndex)
            // Stops last, when all spans have ended.
            if let spans = context.spans { all.insert(spans, at: all.startIndex) }
            all.append(ShutdownLimit(context.settings[Settings.shutdownTimeout], logger: context.logger))
            try await group(of: all, context).run()
            context.logger.info("stopped")
        } catch let error as SettingsError {
            refuse(error, name)
        } catch {
            context.logger.critical("stopped by a failure", metadata: ["error": "\(error)"])
            exit(1)
        }
    }

    private static func settingsOrExit(
        _ name: String, _ about: String, _ table: [any SettingDeclaration]
    ) -> Settings {
        do throws(SettingsError) {
            let arguments = Array(CommandLine.arguments.dropFirst())
            if let answer = Help(name: name, about: about, table: table).answer(to: arguments) {
                StandardStream.output.write(line: answer)
                exit(0)
            }
            return try Settings(table, arguments: arguments, environment: ProcessInfo.processInfo.environment)
        } catch {
            refuse(error, name)
        }
    }

    private static func refuse(_ error: SettingsError, _ name: String) -> Never {
        StandardStream.error.write(line: "\(name): \(error)\nTry \(name) --help.".visibleLines)
        exit(64)
    }

    private static func group(of services: [any Service], _ context: Context) -> ServiceGroup {
        var configuration = ServiceGroupConfiguration(
            services: services.map { service in
                // Named by type: a description of the service itself could tell the log a password.
                .init(
                    service: service, successTerminationBehavior: .gracefullyShutdownGroup,
                    serviceName: "\(type(of: service))")
            },
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: context.logger)
        configuration.maximumGracefulShutdownDuration = context.shutdownTimes.cancellation
        return ServiceGroup(configuration: configuration)
    }
}

/// Lists services one per line; what is done between them, such as adding routes, adds none.
@resultBuilder
public enum ServiceList {
    public static func buildExpression(_: Void) -> [any Service] { [] }
    public static func buildExpression(_ service: any Service) -> [any Service] { [service] }
    public static func buildExpression(_ services: [any Service]) -> [any Service] { services }
    public static func buildBlock(_ services: [any Service]...) -> [any Service] { services.flatMap { $0 } }
    public static func buildOptional(_ services: [any Service]?) -> [any Service] { services ?? [] }
    public static func buildEither(first services: [any Service]) -> [any Service] { services }
    public static func buildEither(second services: [any Service]) -> [any Service] { services }
}
