import Foundation

/// What is noted while a run goes on.
struct RunNotes: Sendable {
    let startedAt = Date()
    let customers = CustomerNotes()
    let windows = WindowNotes()
    let samples = SampleNotes()
    let forgotten = ForgottenOrders()

    /// - Parameter leftOver: what was still on its way when nothing moved any more.
    func judge(_ expectations: Expectations, of shop: RunRecord.Shop, leaving leftOver: [String]) -> Judge {
        Judge(
            expectations: expectations, shop: shop, customers: customers.now, startedAt: startedAt,
            windows: windows.all, leftOver: leftOver, forgotten: forgotten.all)
    }
}
