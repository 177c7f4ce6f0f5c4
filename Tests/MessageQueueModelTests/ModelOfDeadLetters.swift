@testable import MessageQueue

/// The model of what operators do with dead letters.
extension Model {
    func redrive(in queue: World.ModelQueue) {
        only([.appended, .risen])
        let expected = Headcount(change.risen.map { ($0.name, 1) })
        demand(Headcount(change.appended) == expected, "moved \(change.risen) as \(Headcount(change.appended))")
        judgeReport(in: queue)
    }

    func purge(in queue: World.ModelQueue) {
        only([.risen])
        judgeReport(in: queue)
    }

    private func judgeReport(in queue: World.ModelQueue) {
        demand(change.risen.allSatisfy { $0.name.queue == queue.id }, "touched other queues")
        guard case .report(let report)? = answer else { return }
        let sum = report.moved + report.skipped + report.failed
        demand(
            sum == report.matched && report.moved == change.risen.count, "told \(report), moved \(change.risen.count)")
        let dead = before.dead.values.filter { $0.name.queue == queue.id }.count
        demand(!isAlone || report.matched == dead && report.moved == dead, "told \(report) of \(dead)")
    }
}
