import HTTPTypes
import Hummingbird
import MessageQueue
import ServiceLifecycle

/// What changes, as server-sent events: of all queues, or of one, `live?queue=NAME`. Also while the database is away
/// there is an answer: browsers don't try again what was refused.
struct LiveRoute {
    let desk: QueueDesk

    func add(to router: some RouterMethods) {
        router.get("live") { request, _ in
            let queue = try Fields(query: request)["queue"].map { QueueName($0) }
            let events = try await desk.readings.watch()
            return Response(
                status: .ok, headers: [.contentType: "text/event-stream"],
                body: ResponseBody { writer in
                    var listener = LiveListener(of: queue)
                    // A browser that lost us comes again after two seconds.
                    try await writer.write(ByteBuffer(string: "retry: 2000\n\n"))
                    for await event in events.cancelOnGracefulShutdown() {
                        try await writer.write(ByteBuffer(string: listener.text(of: event)))
                    }
                    try await writer.finish(nil)
                })
        }
    }
}
