import HTTPTypes
import Hummingbird
import ServiceLifecycle

/// What changes, as server-sent events.
struct LiveRoute {
    let desk: QueueDesk

    func add(to router: some RouterMethods) {
        router.get("live") { _, _ in
            let values = try await desk.readings.watch()
            let first = LiveValues(try await desk.readings.current()).json
            return Response(
                status: .ok, headers: [.contentType: "text/event-stream"],
                body: ResponseBody { writer in
                    // A browser that lost us comes again after two seconds.
                    try await writer.write(ByteBuffer(string: "retry: 2000\n\(Self.event(first))"))
                    for await value in values.cancelOnGracefulShutdown() {
                        try await writer.write(ByteBuffer(string: Self.event(value)))
                    }
                    try await writer.finish(nil)
                })
        }
    }

    private static func event(_ json: String) -> String { "data: \(json)\n\n" }
}
