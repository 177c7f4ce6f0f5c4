public import Logging
import MessageQueue
import Metrics
import Tracing

/// What a process has when its services are built: its settings, its logger and its face to the operators.
public struct Context: Sendable {
    /// The executable's name, also the logger's label.
    public let name: String
    public let settings: Settings
    public let logger: Logger
    public let operations: Operations
    /// Tells spans to a collector; nil where none is named.
    var spans: SpanExporter?

    public init(name: String, settings: Settings, logger: Logger, operations: Operations) {
        self.name = name
        self.settings = settings
        self.logger = logger
        self.operations = operations
    }
}

extension Context {
    var shutdownTimes: ShutdownTimes { ShutdownTimes(limit: settings[Settings.shutdownTimeout]) }

    /// Installs logging, metrics and tracing for the whole process, which can be done once in a process.
    static func bootstrap(name: String, settings: Settings) -> Context {
        let format = settings[Settings.logFormat]
        let level = settings[Settings.logLevel]
        LoggingSystem.bootstrap(
            { label, provider in
                var handler = LineLogHandler(label: label, format: format, level: level)
                handler.metadataProvider = provider
                return handler
            }, metadataProvider: .messageQueue)
        let metrics = PrometheusMetrics()
        MetricsSystem.bootstrap(metrics)
        var context = Context(
            name: name, settings: settings, logger: Logger(label: name), operations: Operations(metrics: metrics))
        if let endpoint = settings[Settings.spans] {
            let exporter = SpanExporter(endpoint: endpoint, service: name, logger: context.logger)
            InstrumentationSystem.bootstrap(SpanTracer(exporter: exporter, share: settings[Settings.spanShare]))
            context.spans = exporter
        }
        return context
    }
}
