import Foundation
import ShoeShop

/// Puts orders into the shop, as many customers at once.
struct Submission: Sendable {
    let api: String
    /// Makes the idempotency keys of this run its own; each order's is `RUN-NUMBER`.
    let run: String
    /// How many customers submit at the same time.
    var customers = 16
    static let patience = Duration.seconds(60)

    /// Submits every order until it is accepted, and answers the ids of the accepted ones in no order.
    ///
    /// - Throws: `HTTPAnswer.Refusal` when an order is refused for good, or the API stays away.
    func submit(_ orders: [Data]) async throws -> [OrderID] {
        try await withThrowingTaskGroup(of: OrderID.self) { tasks in
            var waiting = orders.enumerated().makeIterator()
            for (number, order) in orders.enumerated().prefix(customers) {
                _ = waiting.next()
                tasks.addTask { try await submit(order, key: "\(run)-\(number)") }
            }
            var accepted: [OrderID] = []
            while let order = try await tasks.next() {
                accepted.append(order)
                if let (number, order) = waiting.next() {
                    tasks.addTask { try await submit(order, key: "\(run)-\(number)") }
                }
            }
            return accepted
        }
    }

    /// Asks again while the answer is lost or "not now"; the key makes sure that only one order comes of it.
    func submit(_ order: Data, key: String) async throws -> OrderID {
        let deadline = ContinuousClock.now + Self.patience
        while true {
            do {
                let answer = try await HTTP.send(.post, "\(api)/orders", headers: ["Idempotency-Key": key], body: order)
                if answer.status < 500 { return try Self.id(of: answer.require(202..<203)) }
                guard ContinuousClock.now < deadline else { throw HTTPAnswer.Refusal(description: answer.text) }
            } catch let refusal as HTTPAnswer.Refusal {
                throw refusal
            } catch  where ContinuousClock.now < deadline && !Task.isCancelled {
                // No connection, or it broke.
            }
            try await Task.sleep(for: .milliseconds(.random(in: 200...600)))
        }
    }

    private static func id(of answer: HTTPAnswer) throws -> OrderID {
        guard let id = answer.location?.split(separator: "/").last.flatMap({ OrderID(String($0)) }) else {
            throw HTTPAnswer.Refusal(description: "202 without the order's Location: \(answer.text)")
        }
        return id
    }
}
