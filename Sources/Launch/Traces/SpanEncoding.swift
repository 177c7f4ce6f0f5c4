import Tracing

/// Spans as an `ExportTraceServiceRequest` of OTLP (opentelemetry-proto 1.x, `trace/v1/trace.proto`).
struct SpanEncoding {
    /// What the process is: `service.name` and more.
    let resource: [String: String]
    let version: String

    func request(of spans: [FinishedSpan]) -> [UInt8] {
        var writer = ProtobufWriter()
        writer.message(1) { resourceSpans in
            resourceSpans.message(1) { writer in
                for (key, value) in resource.sorted(by: { $0.key < $1.key }) {
                    Self.attribute(1, key, .string(value), &writer)
                }
            }
            resourceSpans.message(2) { scopeSpans in
                scopeSpans.message(1) { scope in
                    scope.text(1, "shoe-shop")
                    scope.text(2, version)
                }
                for span in spans { scopeSpans.message(2) { Self.write(span, &$0) } }
            }
        }
        return writer.bytes
    }

    private static func write(_ span: FinishedSpan, _ writer: inout ProtobufWriter) {
        identity(span.identity, trace: 1, span: 2, state: 3, &writer)
        if let parent = span.parent { writer.data(4, bytes(parent)) }
        writer.text(5, span.name)
        writer.number(6, number(of: span.kind))
        writer.fixed(7, span.start)
        writer.fixed(8, max(span.start, span.end))
        attributes(9, span.attributes, &writer)
        for event in span.events {
            writer.message(11) {
                $0.fixed(1, event.at)
                $0.text(2, event.name)
                attributes(3, event.attributes, &$0)
            }
        }
        for link in span.links {
            writer.message(13) {
                identity(link.target, trace: 1, span: 2, state: 3, &$0)
                attributes(4, link.attributes, &$0)
            }
        }
        guard let status = span.status else { return }
        writer.message(15) {
            if let message = status.message { $0.text(2, message) }
            $0.number(3, status.code == .error ? 2 : 1)
        }
    }

    private static func identity(
        _ identity: SpanIdentity, trace: UInt64, span: UInt64, state: UInt64, _ writer: inout ProtobufWriter
    ) {
        writer.data(trace, bytes(identity.trace.high) + bytes(identity.trace.low))
        writer.data(span, bytes(identity.span))
        if let text = identity.state { writer.text(state, text) }
    }

    private static func bytes(_ number: UInt64) -> [UInt8] { withUnsafeBytes(of: number.bigEndian) { Array($0) } }

    private static func number(of kind: SpanKind) -> UInt64 {
        switch kind {
        case .internal: 1
        case .server: 2
        case .client: 3
        case .producer: 4
        case .consumer: 5
        }
    }

    private static func attributes(_ field: UInt64, _ attributes: SpanAttributes, _ writer: inout ProtobufWriter) {
        attributes.forEach { key, value in attribute(field, key, value, &writer) }
    }

    private static func attribute(
        _ field: UInt64, _ key: String, _ value: SpanAttribute, _ writer: inout ProtobufWriter
    ) {
        writer.message(field) {
            $0.text(1, key)
            $0.message(2) { write(value, &$0) }
        }
    }

    private static func write(_ value: SpanAttribute, _ writer: inout ProtobufWriter) {
        switch value {
        case .int32(let number): writer.number(3, UInt64(bitPattern: Int64(number)))
        case .int64(let number): writer.number(3, UInt64(bitPattern: number))
        case .double(let number): writer.fixed(4, number.bitPattern)
        case .bool(let truth): writer.number(2, truth ? 1 : 0)
        case .string(let text): writer.text(1, text)
        case .stringConvertible(let thing): writer.text(1, "\(thing)")
        case .stringArray(let texts): list(texts.map { .string($0) }, &writer)
        case .int64Array(let numbers): list(numbers.map { .int64($0) }, &writer)
        case .int32Array(let numbers): list(numbers.map { .int32($0) }, &writer)
        case .doubleArray(let numbers): list(numbers.map { .double($0) }, &writer)
        case .boolArray(let truths): list(truths.map { .bool($0) }, &writer)
        default: writer.text(1, "\(value)")
        }
    }

    private static func list(_ values: [SpanAttribute], _ writer: inout ProtobufWriter) {
        writer.message(5) { list in
            for value in values { list.message(1) { write(value, &$0) } }
        }
    }
}
