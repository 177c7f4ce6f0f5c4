/// A ``PreparingStep`` at work: each message is prepared by itself, and those that are ready are settled together.
struct PreparingStepRun<S: PreparingStep>: Sendable {
    typealias Work = PreparedDelivery<S.Payload, S.Prepared>

    private let step: S
    private let runtime: StepRuntime
    private let limit: TimeLimit
    private let settler: GroupSettler<Work>
    /// One slot per message.
    private let capacity: Capacity

    init(_ step: S, in runtime: StepRuntime) {
        self.step = step
        self.runtime = runtime
        limit = TimeLimit(step.options.limit, of: runtime.preparing, at: runtime.broker.watchdog)
        settler = GroupSettler(
            Settler(runtime: runtime) { try step.commit($0, in: $1) }, limit: step.options.batch ?? 200)
        capacity = Capacity(messages: step.options.concurrency ?? 128)
    }

    /// Until the runtime stops and what was claimed is settled.
    func run() async {
        await limit.watch {
            await withDiscardingTaskGroup { group in
                for await messages in Claims(by: runtime, within: capacity) {
                    for chain in messages.chains(keeping: runtime.entry.order) {
                        group.addTask { await handle(chain) }
                    }
                }
            }
        }
    }

    /// One message after the other; those behind one that failed are held back.
    private func handle(_ chain: [ReceivedMessage]) async {
        var isBlocked = false
        for message in chain {
            isBlocked = await isBlocked ? settler.settle(Judged(message, .holdBack, .heldBack)) : handle(message)
            capacity.free()
        }
    }

    /// - Returns: whether the key of the message is blocked now.
    private func handle(_ message: ReceivedMessage) async -> Bool {
        await Attempt(message)
            .decode(as: S.Payload.self, in: runtime)
            .prepare(by: step, within: limit, in: runtime)
            .judge(by: runtime)
            .settle(by: settler)
    }
}

extension [ReceivedMessage] {
    /// What has to be handled one after the other, each in a chain; in a queue without order every message by itself.
    fileprivate func chains(keeping order: KeyOrder?) -> [[ReceivedMessage]] {
        guard order != nil else { return map { [$0] } }
        var chains: [[ReceivedMessage]] = []
        var chainOfKey: [String: Int] = [:]
        for message in self {
            if let key = message.message.key, let chain = chainOfKey[key] {
                chains[chain].append(message)
            } else {
                if let key = message.message.key { chainOfKey[key] = chains.count }
                chains.append([message])
            }
        }
        return chains
    }
}

extension Judged where Work: Traced {
    fileprivate func settle(by settler: GroupSettler<Work>) async -> Bool { await settler.settle(self) }
}
