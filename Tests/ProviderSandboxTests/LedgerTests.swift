import Foundation
import NIOHTTP1
import ShoeShop
import TestSupport
import Testing

@Suite("Ledgers", .timeLimit(.minutes(10)))
struct LedgerTests {
    @Test("what a provider answered is remembered over a kill, and its key gets the first answer again")
    func survivesKill() async throws {
        try await Sandbox.withDirectory { data in
            let order = OrderID.new()
            let first = try await Sandbox.run(data: data) { try await $0.postCharge(order, key: "charge-\(order)") }
            #expect(first.status == 201)
            try await Sandbox.run(data: data) { sandbox async throws in
                #expect(try await sandbox.postCharge(order, key: "charge-\(order)") == first)
                #expect(try await sandbox.charges(of: order).count == 1)
            }
        }
    }

    @Test("a torn last line of a ledger is cut off, and it goes on behind the last whole one")
    func tornLine() async throws {
        try await Sandbox.withDirectory { data in
            let orders = [OrderID.new(), OrderID.new()]
            let file = data.appending(path: "payment.jsonl")
            let first = try await Sandbox.run(data: data) { try await $0.postCharge(orders[0], key: "a") }
            let whole = try Data(contentsOf: file)
            try (whole + whole.prefix(whole.count / 2)).write(to: file)
            try await Sandbox.run(data: data) { sandbox async throws in
                #expect(try await sandbox.postCharge(orders[0], key: "a") == first)
                #expect(try await sandbox.postCharge(orders[1], key: "b").status == 201)
            }
            try await Sandbox.run(data: data) { sandbox async throws in
                #expect(try await sandbox.paymentLedger().charges.map(\.orderID) == orders.map { "\($0)" })
            }
        }
    }

    @Test(
        "a line in the middle of a ledger that cannot be read stops the start and is named, instead of money being forgotten"
    )
    func damagedLine() async throws {
        try await Sandbox.withDirectory { data in
            try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
            try Data("{\"at\":\n".utf8).write(to: data.appending(path: "payment.jsonl"))
            let process = try SandboxProcess(data: data)
            #expect(await process.exitStatus() == 1)
            try await process.logged("payment.jsonl cannot be read at line 1")
        }
    }

    @Test("a ledger has one process: a second one refuses to start")
    func oneProcess() async throws {
        try await Sandbox.withDirectory { data in
            try await Sandbox.run(data: data) { _ async throws in
                let second = try SandboxProcess(data: data)
                #expect(await second.exitStatus() == 1)
                try await second.logged("in use by another process")
            }
        }
    }

    @Test("fifty posts of one key at the same time make one charge and get one answer")
    func concurrentKey() async throws {
        try await Sandbox.run { sandbox async throws in
            let order = OrderID.new()
            let answers = try await withThrowingTaskGroup { group in
                for _ in 0..<50 { group.addTask { try await sandbox.postCharge(order, key: "same") } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.count == 50)
            #expect(answers.allSatisfy { $0 == answers[0] && $0.status == 201 })
            #expect(try await sandbox.charges(of: order).count == 1)
        }
    }

    @Test("a provider's key that was used for another request is refused and changes nothing")
    func reusedKey() async throws {
        try await Sandbox.run { sandbox async throws in
            let order = OrderID.new()
            #expect(try await sandbox.postCharge(order, key: "k", amount: 100).status == 201)
            #expect(try await sandbox.postCharge(order, key: "k", amount: 101).status == 422)
            #expect(try await sandbox.charges(of: order).map(\.amount) == [100])
        }
    }

    @Test(
        "every answered charge of a crowd is in the file when the process is killed, with and without fsync",
        arguments: [[], ["--fsync"]])
    func crowd(arguments: [String]) async throws {
        try await Sandbox.withDirectory { data in
            let orders = (0..<200).map { _ in OrderID.new() }
            try await Sandbox.run(data: data, arguments) { sandbox async throws in
                try await withThrowingDiscardingTaskGroup { group in
                    for order in orders {
                        group.addTask {
                            let answer = try await sandbox.postCharge(order, key: "\(order)")
                            #expect(answer.status == 201)
                        }
                    }
                }
            }
            try await Sandbox.run(data: data) { sandbox async throws in
                let charged = try await sandbox.paymentLedger().charges.map(\.orderID)
                #expect(charged.sorted() == orders.map { "\($0)" }.sorted())
            }
        }
    }

    @Test("however much is charged and booked, the summaries of the ledgers tell a sum")
    func largeSums() async throws {
        try await Sandbox.run { sandbox async throws in
            let refused = try await sandbox.postCharge(.new(), key: "most", amount: .max)
            #expect(refused.status == 400 && refused.body.contains("amount must be at most"), "\(refused)")
            for key in ["one", "two"] {
                #expect(try await sandbox.postCharge(.new(), key: key, amount: 100_000_000_000_000).status == 201)
                let booking = """
                    {"orderID":"\(OrderID.new())","recipient":"A","street":"B 1","city":"C","postcode":"1","country":"DE",
                     "items":\(Int.max)}
                    """
                let url = sandbox.logistics + "/bookings"
                #expect(try await sandbox.send(.POST, url, booking, key: key).status == 201)
            }
            let paid = try await sandbox.send(.GET, sandbox.payment + "/ledger/summary")
            #expect(paid.body.contains(#""chargedAmount":200000000000000"#), "\(paid)")
            let booked = try await sandbox.send(.GET, sandbox.logistics + "/ledger/summary")
            #expect(booked.body.contains(#""items":\#(Int.max)"#), "\(booked)")
        }
    }

    @Test("a post to a provider without key, without sense or to nowhere is turned away with a reason and not entered")
    func badCalls() async throws {
        try await Sandbox.run { sandbox async throws in
            let order = OrderID.new()
            #expect(try await sandbox.postCharge(order, key: nil).status == 400)
            #expect(try await sandbox.postCharge(order, key: "k", amount: 0).body.contains("amount must be above 0"))
            let url = sandbox.payment + "/charges"
            #expect(try await sandbox.send(.POST, url, #"{"amount":1}"#, key: "k").body.contains("orderID is missing"))
            #expect(try await sandbox.send(.POST, sandbox.payment + "/gifts", "{}", key: "k").status == 404)
            #expect(try await sandbox.paymentLedger().charges.isEmpty)
        }
    }

    @Test(
        "JSON that parsers take differently is refused by providers and control alike, and nothing is entered",
        arguments: [#""token":"tok_visa",}"#, #""token":"tok_visa","token":"tok_declined"}"#])
    func ambiguous(end: String) async throws {
        try await Sandbox.run { sandbox async throws in
            let order = OrderID.new()
            let charge = #"{"orderID":"\#(order)","amount":100,"currency":"EUR","# + end
            let answer = try await sandbox.send(.POST, sandbox.payment + "/charges", charge, key: "k")
            #expect(answer.status == 400 && answer.body.contains("at byte"), "\(answer)")
            let booking = #"{"orderID":"\#(order)","# + end
            let booked = try await sandbox.send(.POST, sandbox.logistics + "/bookings", booking, key: "k")
            #expect(booked.status == 400 && booked.body.contains("at byte"), "\(booked)")
            let fault = try await sandbox.setFault(#"{"mode":"error","# + end)
            #expect(fault.status == 400 && fault.body.contains("at byte"), "\(fault)")
            #expect(try await sandbox.postCharge(order, key: "k").status == 201)
        }
    }

    @Test("HEAD is there wherever GET is, and its answer has no body, which would be taken for the next answer")
    func head() async throws {
        try await Sandbox.run { sandbox async throws in
            for address in [sandbox.payment, sandbox.logistics] {
                let requests = ["HEAD /ledger", "HEAD /ledger/summary", "HEAD /nothing", "GET /ledger/summary"]
                    .map { "\($0) HTTP/1.1\r\nHost: a\r\n\r\n" }
                let (answer, _) = try await RawConnection.conversation(
                    Data(requests.joined().utf8), awaiting: "}", then: Data(), at: address)
                let heads = answer.components(separatedBy: "HTTP/1.1 ").dropFirst()
                #expect(heads.map { $0.prefix(3) } == ["200", "200", "404", "200"], "\(answer)")
                #expect(heads.dropLast().allSatisfy { $0.hasSuffix("\r\n\r\n") }, "\(answer)")
            }
        }
    }

    @Test("a fault whose body is cut off, or too long, is no error of the sandbox, and sets nothing")
    func cutFault() async throws {
        try await Sandbox.run { sandbox async throws in
            let head = "PUT /faults/payment HTTP/1.1\r\nHost: a\r\nContent-Length: "
            let cut = try await RawConnection.exchange(Data((head + "100\r\n\r\n{").utf8), at: sandbox.control)
            #expect(!cut.contains(" 500 "), "\(cut)")
            let long = try await sandbox.setFault(String(repeating: " ", count: 5000))
            #expect(long.status == 413, "\(long)")
            #expect(try await sandbox.send(.GET, sandbox.control + "/faults").body.contains(#""payment":null"#))
        }
    }
}
