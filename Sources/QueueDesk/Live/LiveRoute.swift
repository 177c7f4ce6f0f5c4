import HTTPTypes
import Hummingbird
import ServiceLifecycle

/// What changes, as server-sent events. Also while the database is away there is an answer: browsers don't try again what was refused.
struct LiveRoute {
    let desk: QueueDesk

    func add(to router: some RouterMethods) {
        router.get("live") { _, _ in
            let events = try await desk.readings.watch()
            return Response(
                status: .ok, headers: [.contentType: "text/event-stream"],
                body: ResponseBody { writer in
                    // A browser that lost us comes again after two seconds.
                    try await writer.write(ByteBuffer(string: "retry: 2000\n\n"))
                    for await event in events.cancelOnGracefulShutdown() {
                        try await writer.write(ByteBuffer(string: event.text))
                    }
                    try await writer.finish(nil)
                })
        }
    }
}
