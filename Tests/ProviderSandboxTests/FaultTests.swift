import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import ShoeShop
import Testing

@Suite("Faults", .timeLimit(.minutes(10)))
struct FaultTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let mode: String
        let kind: ProviderError.Kind
        /// Whether the money moves although the client hears nothing of it; nil: that depends on the moment.
        let takesEffect: Bool?
        var deadline: Duration = .seconds(120)
        var testDescription: String { mode }
    }

    static let cases = [
        Case(mode: "outage", kind: .unreachable, takesEffect: false),
        Case(mode: "error", kind: .unexpectedStatus(503), takesEffect: false),
        Case(mode: "drip", kind: .timeout, takesEffect: nil, deadline: .milliseconds(300)),
        Case(mode: "hang", kind: .timeout, takesEffect: false, deadline: .milliseconds(300)),
        Case(mode: "malformed", kind: .unexpectedStatus(200), takesEffect: true),
        Case(mode: "lostAnswer", kind: .connectionLost, takesEffect: true),
    ]

    @Test(
        "a provider client throws the kind of the injected failure, and the retry after the fault makes exactly one charge",
        arguments: cases
    )
    func failureThenRetry(fault: Case) async throws {
        try await Sandbox.run { sandbox async throws in
            let order = OrderID.new()
            try await sandbox.setFault(#"{"mode":"\#(fault.mode)"}"#)
            let error = try await #require(throws: ProviderError.self) {
                try await sandbox.paymentClient(deadline: fault.deadline).charge(.price, for: order, token: "tok_visa")
            }
            #expect(error.kind == fault.kind)
            #expect(error.isRetryable && error.provider == "payment" && error.idempotencyKey == "charge-\(order)")
            try await sandbox.clearFault()
            if let takesEffect = fault.takesEffect {
                #expect(try await sandbox.charges(of: order).count == (takesEffect ? 1 : 0))
            }
            let outcome = try await sandbox.paymentClient().charge(.price, for: order, token: "tok_visa")
            let charges = try await sandbox.charges(of: order)
            #expect(charges.map { .charged(chargeID: $0.id) } == [outcome])
        }
    }

    @Test("a provider's outage cuts open connections, refuses new ones, and comes back on the same port")
    func outage() async throws {
        try await Sandbox.run { sandbox async throws in
            let client = sandbox.paymentClient()
            _ = try await client.charge(.price, for: .new(), token: "tok_visa")
            try await sandbox.setFault(#"{"mode":"outage"}"#)
            for _ in 0..<3 {
                await #expect(throws: ProviderError.self) {
                    try await client.charge(.price, for: .new(), token: "tok_visa")
                }
            }
            #expect(try await sandbox.send(.GET, sandbox.control + "/health/ready").status == 200)
            try await sandbox.clearFault()
            _ = try await client.charge(.price, for: .new(), token: "tok_visa")
            #expect(try await sandbox.paymentLedger().charges.count == 2)
        }
    }

    @Test("whoever sets faults and clears them is counted, whichever provider they are of")
    func counted() async throws {
        try await Sandbox.run { sandbox async throws in
            for provider in ["payment", "logistics"] {
                try await sandbox.setFault(#"{"mode":"error"}"#, of: provider)
                try await sandbox.clearFault(of: provider)
            }
            let metrics = try await sandbox.send(.GET, sandbox.control + "/metrics").body
            for (method, status) in [("PUT", 200), ("DELETE", 204)] {
                let labels = [
                    "http_request_method=\"\(method)\"", "http_response_status_code=\"\(status)\"",
                    #"http_route="/faults/{provider}""#,
                ].joined(separator: ",")
                #expect(metrics.contains("http_server_requests_total{\(labels)} 2\n"), "\(method)")
            }
        }
    }

    @Test("an outage of one provider leaves the other alone")
    func otherProvider() async throws {
        try await Sandbox.run { sandbox async throws in
            try await sandbox.setFault(#"{"mode":"outage"}"#, of: "logistics")
            _ = try await sandbox.paymentClient().charge(.price, for: .new(), token: "tok_visa")
            await #expect(throws: ProviderError.self) {
                try await sandbox.logisticsClient().book(1, to: .home, for: .new())
            }
        }
    }

    @Test("outages that come and go under load lose no answered charge and make none twice")
    func flapping() async throws {
        try await Sandbox.run { sandbox async throws in
            let orders = (0..<400).map { _ in OrderID.new() }
            try await withThrowingDiscardingTaskGroup { group in
                for lane in 0..<8 {
                    group.addTask {
                        for order in orders[(lane * 50)..<(lane * 50 + 50)] { try await sandbox.insist(on: order) }
                    }
                }
                for _ in 0..<40 {
                    try await sandbox.setFault(#"{"mode":"outage"}"#)
                    try await sandbox.clearFault()
                }
            }
            let charged = try await sandbox.paymentLedger().charges.map(\.orderID)
            #expect(charged.sorted() == orders.map { "\($0)" }.sorted())
        }
    }

    @Test("a provider that flaps goes down and comes back, again and again, until that ends", arguments: [0, 1])
    func comesAndGoes(afterRequests: Int) async throws {
        try await Sandbox.run { sandbox async throws in
            let fault = #"{"mode":"flapping","periodMilliseconds":200,"afterRequests":\#(afterRequests)}"#
            try await sandbox.setFault(fault)
            for _ in 0..<afterRequests { try await sandbox.insist(on: .new()) }
            for _ in 0..<2 {
                try await sandbox.insist(on: .new())
                while await sandbox.failureToCharge(.new()) == nil {}
            }
            try await sandbox.clearFault()
            #expect(await sandbox.failureToCharge(.new()) == nil)
        }
    }

    @Test("a fault with a duration ends by itself", arguments: ["outage", "flapping"])
    func expiry(mode: String) async throws {
        try await Sandbox.run { sandbox async throws in
            try await sandbox.setFault(#"{"mode":"\#(mode)","forSeconds":0.2}"#)
            try await sandbox.process.logged("fault cleared")
            _ = try await sandbox.paymentClient().charge(.price, for: .new(), token: "tok_visa")
        }
    }

    @Test("the end of a fault that was replaced does not end its successor")
    func replacedExpiry() async throws {
        try await Sandbox.run { sandbox async throws in
            try await sandbox.setFault(#"{"mode":"error","forSeconds":0.1}"#)
            try await sandbox.setFault(#"{"mode":"malformed"}"#)
            try await sandbox.setFault(#"{"mode":"error","forSeconds":0.3}"#, of: "logistics")
            try await sandbox.process.logged(#""fault cleared","metadata":{"provider":"logistics"}"#)
            let faults = try await sandbox.send(.GET, sandbox.control + "/faults").body
            #expect(faults.contains(#""logistics":null"#) && faults.contains(#""mode":"malformed""#))
        }
    }

    @Test("a hanging request is cut when the fault ends, without effect")
    func hangEnds() async throws {
        try await Sandbox.run { sandbox async throws in
            let order = OrderID.new()
            try await sandbox.setFault(#"{"mode":"hang"}"#)
            async let failure = sandbox.failureToCharge(order)
            try await sandbox.process.logged("fault strikes")
            try await sandbox.clearFault()
            #expect(await failure?.kind == .connectionLost)
            #expect(try await sandbox.charges(of: order).isEmpty)
        }
    }

    @Test("a provider's latency delays the answer and changes nothing else")
    func latency() async throws {
        try await Sandbox.run { sandbox async throws in
            try await sandbox.setFault(#"{"mode":"latency","latencyMilliseconds":200}"#)
            let order = OrderID.new()
            let took = try await ContinuousClock().measure {
                _ = try await sandbox.paymentClient().charge(.price, for: order, token: "tok_visa")
            }
            #expect(took >= .milliseconds(200))
            #expect(try await sandbox.charges(of: order).count == 1)
        }
    }

    @Test("a dripping answer is the right one, and comes in many pieces")
    func drip() async throws {
        try await Sandbox.run { sandbox async throws in
            try await sandbox.setFault(#"{"mode":"drip","latencyMilliseconds":1000}"#)
            let order = OrderID.new()
            var request = HTTPClientRequest(url: sandbox.payment + "/charges")
            request.method = .POST
            request.headers.add(name: "Idempotency-Key", value: "charge-\(order)")
            let body = #"{"orderID":"\#(order)","amount":8990,"currency":"EUR","token":"tok_visa"}"#
            request.body = .bytes(ByteBuffer(string: body))
            let start = ContinuousClock.now
            let answer = try await HTTPClient.shared.execute(request, timeout: .seconds(120))
            var pieces: [ByteBuffer] = []
            for try await piece in answer.body { pieces.append(piece) }
            #expect(start.duration(to: .now) >= .seconds(1) && pieces.count > 1)
            try await sandbox.clearFault()
            let repeated = try await sandbox.postCharge(order, key: "charge-\(order)", amount: 8990)
            #expect(String(decoding: pieces.flatMap(\.readableBytesView), as: UTF8.self) == repeated.body)
        }
    }

    @Test("an answer that comes twice is never taken for the answer to the next request")
    func duplicateAnswer() async throws {
        try await Sandbox.run { sandbox async throws in
            try await sandbox.setFault(#"{"mode":"duplicateAnswer"}"#)
            let orders = (0..<50).map { _ in OrderID.new() }
            for order in orders { try await sandbox.insist(on: order) }
            try await sandbox.clearFault()
            // The connection of the last surplus answer is on its way out, and may yet be tried once.
            try await sandbox.insist(on: orders[0])
            for order in orders {
                let outcome = try await sandbox.paymentClient().charge(.price, for: order, token: "tok_visa")
                #expect(try await sandbox.charges(of: order).map { .charged(chargeID: $0.id) } == [outcome])
            }
        }
    }

    @Test("a fault with a rate strikes a share of the requests")
    func rate() async throws {
        try await Sandbox.run { sandbox async throws in
            try await sandbox.setFault(#"{"mode":"error","rate":0.5}"#)
            var failures = 0
            for _ in 0..<200 {
                if try await sandbox.postCharge(.new(), key: "\(OrderID.new())").status == 503 { failures += 1 }
            }
            #expect((50...150).contains(failures))
        }
    }

    @Test("a fault can wait for a number of requests to pass", arguments: ["error", "outage"])
    func afterRequests(mode: String) async throws {
        try await Sandbox.run { sandbox async throws in
            try await sandbox.setFault(#"{"mode":"\#(mode)","afterRequests":2}"#)
            let client = sandbox.paymentClient()
            _ = try await client.charge(.price, for: .new(), token: "tok_visa")
            _ = try await client.charge(.price, for: .new(), token: "tok_visa")
            await #expect(throws: ProviderError.self) {
                try await client.charge(.price, for: .new(), token: "tok_visa")
            }
        }
    }

    @Test(
        "a fault that makes no sense is refused and told why",
        arguments: [
            (#"{"mode":"earthquake"}"#, "'earthquake' is none of outage, flapping, error"),
            (#"{"mode":"error","rate":2}"#, "rate must be from 0 to 1"),
            (#"{"mode":"outage","rate":0.5}"#, "an outage strikes all"),
            (#"{"mode":"flapping","rate":0.5}"#, "an outage strikes all"),
            (#"{"mode":"flapping","periodMilliseconds":0}"#, "periodMilliseconds must be from 20 to 3600000"),
            (#"{"mode":"error","forSeconds":0}"#, "forSeconds must be"),
            (#"{"mode":"error","forSeconds":1e300}"#, "forSeconds must be"),
            (#"{"mode":"latency","latencyMilliseconds":9223372036854775807}"#, "latencyMilliseconds must be from 0 to"),
            (#"{"mode":"error","afterRequests":-1}"#, "afterRequests must be from 0 to 1000000000"),
            (#"{"rate":1}"#, "mode is missing"),
        ])
    func badFault(json: String, reason: String) async throws {
        try await Sandbox.run { sandbox async throws in
            let answer = try await sandbox.setFault(json)
            #expect(answer.status == 400 && answer.body.contains(reason))
            #expect(try await sandbox.setFault(#"{"mode":"error"}"#, of: "post-office").status == 404)
        }
    }
}

extension Sandbox {
    /// Asks until there is an answer, as the shop's queue would, but at once.
    func insist(on order: OrderID) async throws {
        while true {
            do {
                _ = try await paymentClient().charge(.price, for: order, token: "tok_visa")
                return
            } catch  where error.isRetryable {
                continue
            }
        }
    }

    func failureToCharge(_ order: OrderID) async -> ProviderError? {
        do {
            _ = try await paymentClient().charge(.price, for: order, token: "tok_visa")
            return nil
        } catch {
            return error
        }
    }
}
