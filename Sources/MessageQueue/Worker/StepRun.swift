/// A ``Step`` at work: each claim is a batch, decoded, judged and settled together.
struct StepRun<S: Step>: Sendable {
    private let step: S
    private let runtime: StepRuntime
    private let settler: Settler<Delivery<S.Payload>>
    /// One slot per batch, however small: while they are all taken, more comes together in the queue.
    private let capacity: Capacity

    init(_ step: S, in runtime: StepRuntime) {
        self.step = step
        self.runtime = runtime
        settler = Settler(runtime: runtime) { try step.commit($0, in: $1) }
        capacity = Capacity(batches: step.options.concurrency ?? 3, of: step.options.batch ?? 1000)
    }

    /// Until the runtime stops and what was claimed is settled.
    func run() async {
        await withDiscardingTaskGroup { group in
            for await batch in Claims(by: runtime, within: capacity) {
                group.addTask {
                    await uncancelled { await handle(batch) }
                    capacity.free()
                }
            }
        }
    }

    private func handle(_ batch: [ReceivedMessage]) async {
        await settler.settle(batch.map { Attempt($0).decode(as: S.Payload.self, in: runtime).judge(by: runtime) })
    }
}
