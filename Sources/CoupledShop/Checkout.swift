import Foundation
import Postgres
import ShoeShop

/// The whole shop in one function: an order goes from top to bottom while its customer waits.
///
/// Each step commits what it did before the next one calls a provider, who can't take part in a transaction. A refusal
/// undoes the steps before it. A failure doesn't: mostly nobody knows whether the provider has acted, and undoing is one
/// more call that can fail. What was done stays, and somebody has to undo it by hand.
struct Checkout: Sendable {
    private let database: Database
    private let payment: any PaymentProvider
    private let logistics: any LogisticsProvider

    /// Nobody waits longer than this for the database.
    private static let limit = Duration.seconds(5)

    init(_ shop: Shop) {
        database = shop.database
        payment = shop.payment
        logistics = shop.logistics
    }

    /// - Throws: ``CheckoutError``, or what the database says when nothing is stored yet.
    func place(_ submission: Submission) async throws -> Confirmation {
        let placed = submission.draft.placed(as: .new())
        if let owner = try await accept(placed, submission) { return try await repeated(by: owner) }
        var reached = Milestone.received
        do {
            let order = try await price(placed)
            reached = .priced
            let reservedAt = try await reserve(order)
            reached = .reserved
            let request = PaymentRequest(order: order, paymentToken: placed.paymentToken, reservedAt: reservedAt)
            let processed = try await charge(request)
            reached = .paid
            return Confirmation(of: order, trackingNumber: try await book(processed))
        } catch let refusal as CheckoutError {
            throw refusal
        } catch {
            throw CheckoutError.failed(placed.id, reached: reached, cause: error)
        }
    }

    /// A refusal is committed as well, and thrown afterwards.
    private func write<T: Sendable>(
        _ body: @Sendable (borrowing Session) throws -> Result<T, CheckoutError>
    ) async throws -> T {
        try await database.write(within: Self.limit, body).get()
    }

    private static func refusal<T>(
        _ rejection: OrderRejected, in session: borrowing Session
    ) throws -> Result<T, CheckoutError> {
        try OrderRecords.apply([.rejected(rejection)], in: session)
        return .failure(.refused(rejection.orderID, rejection.reason, detail: rejection.detail))
    }
}

// MARK: - Keys that come again
extension Checkout {
    /// Answers what came of the order then; as long as nothing did, nobody knows what would.
    private func repeated(by owner: KeyOwner) async throws -> Confirmation {
        guard owner.hasSameBody else { throw CheckoutError.keyConflict }
        guard let order = try await OrderReader(database).order(owner.id) else {
            throw CheckoutError.inProgress(owner.id)
        }
        if let confirmation = Confirmation(order) { return confirmation }
        guard let rejection = order.rejection else { throw CheckoutError.inProgress(owner.id) }
        throw CheckoutError.refused(owner.id, rejection.reason, detail: rejection.detail)
    }
}

// MARK: - The steps
extension Checkout {
    /// Stores the order, or answers whose its key is already.
    private func accept(_ placed: PlacedOrder, _ submission: Submission) async throws -> KeyOwner? {
        try await write { session in
            if let key = submission.key {
                let claim = KeyClaim(key: key, body: submission.body, id: placed.id)
                if let owner = try IdempotencyKeys.claim([claim], in: session)[claim.id] { return .success(owner) }
            }
            try OrderRecords.insert([placed], of: [submission.submitter], in: session)
            return .success(nil)
        }
    }

    private func price(_ placed: PlacedOrder) async throws -> PricedOrder {
        try await write { session in
            let now = try session.time()
            switch try PriceList.read(Set(placed.lines.map(\.sku)), in: session).quote(placed) {
            case .priced(let order):
                var record = Order(id: order.id)
                let entries = record.price(at: order.total, on: now)
                OrderLines.fixPrices(of: [order], in: session)
                OrderRecords.save([(record, entries)], in: session)
                return .success(order)
            case .unknown(let skus):
                return try Self.refusal(OrderRejected(placed.id, unknown: skus, at: now), in: session)
            }
        }
    }

    private func reserve(_ order: PricedOrder) async throws -> Date {
        try await write { session in
            let reservation = try Reservations.decide([order], in: session)[0]
            if reservation.state == .reserved { return .success(reservation.decidedAt) }
            return try Self.refusal(reservation.rejection, in: session)
        }
    }

    private func charge(_ request: PaymentRequest) async throws -> OrderProcessed {
        let order = request.order
        let outcome = try await payment.charge(order.total, for: order.id, token: request.paymentToken)
        return try await write { session in
            let now = try session.time()
            Charges.record([ChargeAnswer(request: request, outcome: outcome)], in: session)
            switch outcome {
            case .charged(let id):
                let processed = OrderProcessed(
                    order: order, chargeID: id, reservedAt: request.reservedAt, paidAt: now)
                Invoices.issue(for: [processed], in: session)
                try OrderRecords.apply([.processed(processed)], in: session)
                return .success(processed)
            case .declined(let reason):
                Reservations.release([order.id], in: session)
                let rejection = OrderRejected(
                    orderID: order.id, reason: .declined, detail: reason, reservedAt: request.reservedAt, at: now)
                return try Self.refusal(rejection, in: session)
            }
        }
    }

    private func book(_ processed: OrderProcessed) async throws -> String {
        let order = processed.order
        let outcome = try await logistics.book(order.items, to: order.address, for: order.id)
        let answer = BookingAnswer(processed: processed, outcome: outcome)
        switch outcome {
        case .booked(let number):
            try await write { session in
                Bookings.record([answer], in: session)
                Reservations.take([order.id], in: session)
                try OrderRecords.apply([answer.event(at: try session.time())], in: session)
                return .success(())
            }
            return number
        case .refused(let reason):
            try await write { session in
                Bookings.record([answer], in: session)
                Reservations.release([order.id], in: session)
                try OrderRecords.apply([answer.event(at: try session.time())], in: session)
                return .success(())
            }
            try await refund(RefundRequest(orderID: order.id, chargeID: processed.chargeID, amount: order.total))
            throw CheckoutError.refused(order.id, .undeliverable, detail: reason)
        }
    }

    private func refund(_ request: RefundRequest) async throws {
        switch try await payment.refund(request.amount, of: request.chargeID, for: request.orderID) {
        case .refunded(let id):
            try await write { session in
                Refunds.record([(request, id)], in: session)
                let refunded = OrderRefunded(orderID: request.orderID, refundID: id, at: try session.time())
                try OrderRecords.apply([.refunded(refunded)], in: session)
                return .success(())
            }
        case .refused(let reason): throw RefundRefused(orderID: request.orderID, reason: reason)
        }
    }
}
