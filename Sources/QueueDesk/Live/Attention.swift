import MessageQueue

/// What needs a person, each with where it is mended.
struct Attention {
    struct Finding: Encodable, Equatable {
        let text: String
        /// Below the desk's path.
        let path: String
    }

    /// From when on something needs a person, in seconds.
    struct Limits: Sendable {
        let unattended, behind: Double

        init(_ options: QueueDesk.Options) {
            (unattended, behind) = (options.unattendedAfter / .seconds(1), options.behindAfter / .seconds(1))
        }
    }

    let findings: [Finding]
    /// The queues that they are about.
    let troubled: Set<QueueName>

    /// Of one kind.
    private static let mostTold = 20

    init(_ reading: Reading, _ limits: Limits) {
        let queues = reading.queues.map { (name: $0.queue, findings: Self.findings(of: $0, limits)) }
        troubled = Set(queues.filter { !$0.findings.isEmpty }.map { $0.name })
            .union(reading.consumers.flatMap { $0.breakers.keys.map { QueueName($0) } })
            .union(reading.holders.map(\.queue))
        let kinds: [[Finding]] = [
            queues.flatMap { $0.findings }, reading.consumers.flatMap(Self.breakers), Self.upkeep(reading),
            reading.holders.map(Self.holder),
        ]
        findings = kinds.flatMap(Self.told)
    }

    /// Where a thousand queues are in trouble, nobody reads a thousand lines: the table has them first.
    private static func told(_ findings: [Finding]) -> [Finding] {
        guard findings.count > mostTold else { return findings }
        let rest = Finding(text: "and \(findings.count - mostTold) more like these", path: "/")
        return Array(findings.prefix(mostTold)) + [rest]
    }

    private static func findings(of queue: QueueStatistics, _ limits: Limits) -> [Finding] {
        let age = queue.oldestWaiting ?? 0
        // What is due and was put off waits as well, until somebody receives.
        let isUnattended = max(age, queue.overdue ?? 0) > limits.unattended && queue.inFlight == 0 && !queue.isPaused
        let page = "/queues/\(queue.queue.text.queryEscaped)"
        let dead = "/dead?queue=\(queue.queue.text.queryEscaped)"
        return [
            queue.dead > 0
                ? Finding(text: "\(queue.queue) has \(CountText(queue.dead, "dead letter"))", path: dead) : nil,
            isUnattended ? Finding(text: "nobody receives from \(queue.queue)", path: page) : nil,
            age > limits.behind && !isUnattended
                ? Finding(
                    text:
                        "\(queue.queue) is \(SpanText(seconds: age).text) behind\(queue.isPaused ? ", and paused" : "")",
                    path: page)
                : nil,
            queue.blockedKeys > 0
                ? Finding(text: "\(queue.queue) has \(CountText(queue.blockedKeys, "blocked key"))", path: page) : nil,
        ].compactMap(\.self)
    }

    private static func breakers(of consumer: ConsumerEntry) -> [Finding] {
        consumer.breakers.sorted { $0.key < $1.key }.map { queue, reason in
            Finding(
                text: "\(consumer.name) has stopped claiming from \(queue): \(reason.prefix(120))",
                path: "/queues/\(queue.queryEscaped)")
        }
    }

    private static func upkeep(_ reading: Reading) -> [Finding] {
        reading.neglected.map {
            Finding(text: "\($0.name) fails for an hour: \($0.error ?? "no reason was told")", path: "/")
        }
    }

    private static func holder(_ holder: SegmentHolder) -> Finding {
        let since = (DateText(holder.since)?.readable ?? "").prefix(16)
        return Finding(
            text: "\(holder.queue) keeps the log since \(since) from being dropped: something in it is not finished",
            path: "/queues/\(holder.queue.text.queryEscaped)")
    }

    /// Stays in the page while there is nothing, so that something can appear.
    func html(_ desk: QueueDesk) -> HTML {
        HTML(
            "section",
            ["class": "attention", "role": "status", "aria-label": "Needs a person", "data-attention": "on"],
            [
                HTML(
                    "ul", [:],
                    findings.map { HTML("li", [:], [HTML.link($0.text, to: desk.path($0.path))]) })
            ])
    }
}
