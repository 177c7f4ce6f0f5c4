import HTTPTypes
import Hummingbird
import NIOCore
import Synchronization

/// How much of the process's memory the bodies of requests may take, one by one and all together.
final class BodyBudget: Sendable {
    /// Sixteen messages of 64 KiB, each character escaped, and their properties.
    static let largest = 2 << 20
    /// Clients that send so much are listened to all the same before they are told: else they would only see a broken connection.
    private static let largestDiscarded = 16 << 20
    /// Room is taken in such steps, as a body comes in: who announces a body and sends none takes nothing.
    private static let step = 64 << 10

    private let all: Int
    private let taken = Atomic(0)

    init(all: Int = 256 << 20) { self.all = all }

    /// Reads a body, which `use` holds as long as it runs.
    ///
    /// - Throws: ``Refusal`` for one that is too large, that comes too slowly, or for which there is no room now.
    func read<T>(_ request: Request, _ use: ([UInt8]) async throws -> T) async throws -> T {
        // A length that no number holds is a length as well.
        let announced = request.headers[.contentLength].map { Int($0) ?? .max }
        if announced == 0 || (announced == nil && request.headers[.transferEncoding] == nil) {
            return try await use([])
        }
        guard announced ?? 0 <= Self.largest else {
            if announced ?? 0 <= Self.largestDiscarded { for try await _ in request.body {} }
            throw Self.tooLarge
        }
        var held = 0
        defer { taken.subtract(held, ordering: .relaxed) }
        var body: [UInt8] = []
        for try await part in request.body {
            let size = body.count + part.readableBytes
            guard size <= Self.largest else { throw Self.tooLarge }
            if size > held {
                let more = max(size - held, min(Self.step, (announced ?? Self.largest) - held))
                held += more
                try take(more)
                body.reserveCapacity(held)
            }
            body.append(contentsOf: part.readableBytesView)
        }
        guard announced ?? body.count == body.count else { throw Refusal.cutBody }
        return try await use(body)
    }

    private func take(_ bytes: Int) throws {
        guard taken.add(bytes, ordering: .relaxed).newValue <= all else {
            throw Refusal(.tooManyRequests, "Too much is being received at once. Try again.")
        }
    }

    private static var tooLarge: Refusal {
        Refusal(.tooLarge, "A request's body is \(largest) bytes at the most.")
    }
}

extension Refusal {
    /// Half of a filter means more than all of it.
    static let cutBody = Refusal(.invalidArgument, "The request's body did not come to its end.")
}
