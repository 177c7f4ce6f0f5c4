import HTTPTypes
import Hummingbird
import NIOCore
import Synchronization

/// How much of the process's memory the bodies of requests may take, one by one and all together, and the answers that their clients
/// have not read yet.
final class BodyBudget: Sendable {
    /// Sixteen messages of 64 KiB, each character escaped, and their properties.
    static let largest = 2 << 20
    /// Clients that send so much are listened to all the same before they are told: else they would only see a broken connection.
    private static let largestDiscarded = 16 << 20
    /// Room is taken in such steps, as a body comes in: who announces a body and sends none takes nothing.
    private static let step = 64 << 10
    /// Smaller answers are not counted: about as much the system takes of each at once, whoever reads it.
    static let smallestAnswer = 16 << 10

    private let all: Int
    private let taken = Atomic(0)

    init(all: Int = 256 << 20) { self.all = all }

    /// Bytes that are held now.
    var held: Int { taken.load(ordering: .relaxed) }

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

    /// - Throws: ``Refusal`` when all of it is taken.
    func demandRoom() throws {
        if held >= all { throw Self.unread }
    }

    /// Room for an answer until the hold is gone; nil for a small one, which needs none.
    ///
    /// The answer is there already. So one that finds any room at all is let go, however large it is: none is too large for ever, and
    /// all that can be refused are together no more than what there is, and the largest of them.
    /// - Parameter isNeeded: whether it can't be asked for again; then it is let go all the same.
    /// - Throws: ``Refusal`` when there is no room.
    func room(forAnswer bytes: Int, isNeeded: Bool) throws -> Hold? {
        guard bytes > Self.smallestAnswer else { return nil }
        guard taken.add(bytes, ordering: .relaxed).oldValue < all || isNeeded else {
            taken.subtract(bytes, ordering: .relaxed)
            throw Self.unread
        }
        return Hold(bytes, self)
    }

    /// Room that is taken for as long as this is there.
    final class Hold: Sendable {
        private let bytes: Int
        private let budget: BodyBudget

        fileprivate init(_ bytes: Int, _ budget: BodyBudget) {
            self.bytes = bytes
            self.budget = budget
        }

        deinit { budget.taken.subtract(bytes, ordering: .relaxed) }
    }

    private static var unread: Refusal {
        Refusal(.tooManyRequests, "Too many answers are waiting to be read. Try again.")
    }

    private static var tooLarge: Refusal {
        Refusal(.tooLarge, "A request's body is \(largest) bytes at the most.")
    }
}

extension Refusal {
    /// Half of a filter means more than all of it.
    static let cutBody = Refusal(.invalidArgument, "The request's body did not come to its end.")
}
