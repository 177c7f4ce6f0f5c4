extension Plot {
    /// The headline figures, in the order in which the documentation tells them.
    static let all =
        [orders, costs, waits, send, drain, steady, fanout, features, accept, answers, client, rescue]
        + [same, soak]

    static let orders = Plot(
        name: "orders", title: "Orders a second, through the whole shop",
        note: "From POST /orders to the booked delivery: 8 messages and 2 provider calls an order.",
        rows: [Row("accepted", "accepted"), Row("HTTP to booked delivery", "booked delivery")])
    static let costs = Plot(
        name: "order-costs", title: "Processor time of an order",
        note: "By process; load is the customers, postgres the whole server.",
        rows: [Row("processor time, all", "all")]
            + [
                "load", "order-api", "order-worker", "stock-worker", "payment-worker", "logistics-worker",
                "provider-sandbox", "postgres",
            ].map { Row("processor time, \($0)", $0) })
    static let waits = Plot(
        name: "order-waits", title: "How long an order waits, at 100 orders a second",
        note: "Acceptance: from when it is due to the answer. Pickup: from a message's send to its claim.",
        rows: [
            Row("acceptance p50 at 100/s", "acceptance, p50"), Row("acceptance p99 at 100/s", "acceptance, p99"),
            Row("pickup p50 at 100/s", "pickup, p50"), Row("pickup p99 at 100/s", "pickup, p99"),
        ])
    static let send = Plot(
        name: "send", title: "Messages stored a second",
        note: "200 bytes each, 4 connections. Mark: bare INSERTs of the same rows and indexes.",
        rows: [
            Row("send 1 per call", "1 a call, 4 tasks"), Row("send 1 per call, producers", "1 a call, 4 producers"),
            Row("send 1 per call, 64 tasks", "1 a call, 64 tasks"), Row("send 10 per call", "10 a call, 4 tasks"),
            Row("send 100 per call", "100 a call, 4 tasks"),
        ])
    static let drain = Plot(
        name: "drain", title: "A backlog emptied by one worker process",
        note: "200,000 stored messages, each done once. Mark: bare INSERTs of the same rows and indexes.",
        rows: [Row("drain", "one worker")])
    static let steady = Plot(
        name: "steady", title: "From the commit of a send to the start of its handler",
        note: "500 messages a second in an open loop. Mark: the median of a bare NOTIFY round trip.",
        rows: [
            Row("commit to handler, p50", "p50"), Row("commit to handler, p99", "p99"),
            Row("commit to handler, p99.9", "p99.9"),
        ])
    static func latency(beside disturbance: Disturbance) -> Plot {
        let loads =
            LatencyBenchmark.usualRates.map { ("\(Int($0))/s", "\(Figure.text($0)) a second") }
            + LatencyBenchmark.usualShares.map { share in
                let percent = "\(Int((share * 100).rounded())) %"
                return (percent, "\(percent) of the most")
            }
        return Plot(
            name: "latency-\(disturbance.rawValue)",
            title: "From commit to handler start, by load: \(disturbance.name)",
            note: "The most is what one worker drains meanwhile. Mark: the median bare NOTIFY round trip.",
            rows: ["p50", "p99"].flatMap { percentile in
                loads.map { Row("\(disturbance.name), \($0), \(percentile)", "\($1), \(percentile)") }
            })
    }
    static let fanout = Plot(
        name: "fanout", title: "Copies stored a second when a message is published",
        note: "One message a call, one connection. Mark: bare INSERTs of as many rows.",
        rows: [
            Row("publish to 1", "to 1 queue"), Row("publish to 10", "to 10 queues"),
            Row("publish to 100", "to 100 queues"),
        ])
    static let features = Plot(
        name: "features", title: "What limits and priorities cost",
        note: "A backlog of 60,000 messages emptied by one worker process. Mark: without the feature.",
        rows: [
            Row("drain with a concurrency limit", "concurrency limit"), Row("drain with a rate limit", "rate limit"),
            Row("drain with priorities", "priorities"),
        ])
    static let accept = Plot(
        name: "accept", title: "Orders accepted a second",
        note: "POST /orders by customers who wait for the answer. Mark: a transaction for each order.",
        rows: [1, 8, 64, 256].map { Row("accepted, \($0) at once", "\($0) at once") })
    static let answers = Plot(
        name: "accept-latency", title: "How long 64 customers at once wait for the answer",
        note: "POST /orders. Mark: a transaction for each order.",
        rows: ["p50", "p99", "p99.6", "p99.996"].map { Row("\($0), 64 at once", $0) })
    static let client = Plot(
        name: "client", title: "Tiny statements a second through the client",
        note: "SELECT $1::int, prepared, by 1, 8 and 32 tasks. Mark: PQexecPrepared in as many threads.",
        rows: ["1 per hop", "10 per hop", "through the pool"].flatMap { way in
            [1, 8, 32].map { Row("\(way), \($0)", "\(way), \($0)") }
        })
    static let rescue = Plot(
        name: "rescue", title: "A worker is killed, until another has handled what it held",
        note: "kill -9 with 20 messages in flight; their effects happen once.",
        rows: [Row("rescue, median of 3", "median of 3"), Row("rescue, worst of 3", "worst of 3")])
    static let same = Plot(
        name: "unchanged", title: "What a bad day changes", note: "The ratio to a good day. Mark: no change.",
        measure: .ratio,
        rows: [
            Row("drain, pinned", "open transaction: drain"),
            Row("commit to handler, p50, pinned", "open transaction: p50"),
            Row("commit to handler, p99, pinned", "open transaction: p99"),
            Row("receive 1, large backlog", "1,000,000 wait: receive 1"),
            Row("receive 100, large backlog", "1,000,000 wait: receive 100"),
            Row("depth and statistics, large backlog", "1,000,000 wait: statistics"),
            Row("round trip, 6 segments", "6 segments: round trip"),
            Row("6000 messages in order, 30 keys", "6,000 in order: each message"),
        ])
    static let soak = Plot(
        name: "soak", title: "Half an hour of constant traffic, with restarts and kills",
        note: "The last third of the time beside the first. Mark: no change.", measure: .ratio,
        rows: [
            Row("commit to handler p50, last third", "commit to handler, p50"),
            Row("commit to handler p99, last third", "commit to handler, p99"), Row("disk of mq, last third", "disk"),
            Row("memory of workers, last third", "workers' memory"),
            Row("memory of server, last third", "server's memory"),
        ])
}
