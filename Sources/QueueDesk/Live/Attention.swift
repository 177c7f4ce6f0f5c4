import MessageQueue

/// What needs a person, each with where it is mended.
struct Attention {
    struct Finding: Encodable, Equatable {
        /// The same for as long as it is about the same, whatever it says.
        let name: String
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
        findings = kinds.enumerated().flatMap { Self.told($1, kind: $0) }
    }

    /// Where a thousand queues are in trouble, nobody reads a thousand lines: the table has them first.
    private static func told(_ findings: [Finding], kind: Int) -> [Finding] {
        guard findings.count > mostTold else { return findings }
        let text = "and \(findings.count - mostTold) more like these"
        let rest = Finding(name: "rest \(kind)", text: text, path: "/")
        return Array(findings.prefix(mostTold)) + [rest]
    }

    private static func findings(of queue: QueueStatistics, _ limits: Limits) -> [Finding] {
        let age = queue.oldestWaiting ?? 0
        // What is due and was put off waits as well, until somebody receives.
        let isUnattended = max(age, queue.overdue ?? 0) > limits.unattended && queue.inFlight == 0 && !queue.isPaused
        let isBehind = age > limits.behind && !isUnattended
        let name = queue.queue
        let behind = "\(name) is \(SpanText(minutesOf: age).text) behind\(queue.isPaused ? ", and paused" : "")"
        let dead = "\(name) has \(CountText(queue.dead, "dead letter"))"
        let blocked = "\(name) has \(CountText(queue.blockedKeys, "blocked key"))"
        return [
            queue.dead > 0 ? finding("dead", of: name, dead, "/dead?queue=") : nil,
            isUnattended ? finding("unattended", of: name, "nobody receives from \(name)") : nil,
            isBehind ? finding("behind", of: name, behind) : nil,
            queue.blockedKeys > 0 ? finding("blocked", of: name, blocked) : nil,
        ].compactMap(\.self)
    }

    private static func finding(
        _ kind: String, of queue: QueueName, _ text: String, _ page: String = "/queues/"
    ) -> Finding {
        Finding(name: "\(kind) \(queue)", text: text, path: page + queue.text.queryEscaped)
    }

    private static func breakers(of consumer: ConsumerEntry) -> [Finding] {
        consumer.breakers.sorted { $0.key < $1.key }.map { queue, reason in
            Finding(
                name: "breaker \(consumer.id) \(queue)",
                text: "\(consumer.name) has stopped claiming from \(queue): \(reason.prefix(120))",
                path: "/queues/\(queue.queryEscaped)")
        }
    }

    private static func upkeep(_ reading: Reading) -> [Finding] {
        reading.neglected.map {
            Finding(
                name: "upkeep \($0.name)",
                text: "\($0.name) fails for an hour: \($0.error ?? "no reason was told")", path: "/")
        }
    }

    private static func holder(_ holder: SegmentHolder) -> Finding {
        let since = (DateText(holder.since)?.readable ?? "").prefix(16)
        return finding(
            "log", of: holder.queue,
            "\(holder.queue) keeps the log since \(since) from being dropped: something in it is not finished")
    }

    /// Stays in the page while there is nothing, so that something can appear; and what has appeared is read aloud.
    func html(_ desk: QueueDesk) -> HTML {
        let items = findings.map { finding in
            HTML("li", ["data-finding": finding.name], [HTML.link(finding.text, to: desk.path(finding.path))])
        }
        return HTML([
            HTML(
                "section", ["class": "attention", "aria-label": "Needs a person", "data-attention": "on"],
                [HTML("ul", [:], items)]),
            HTML("p", ["class": "unseen", "role": "status", "data-news": "on"], []),
        ])
    }
}
