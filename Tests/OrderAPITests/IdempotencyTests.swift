import Postgres
import Testing

extension OrderAPITests {
    @Suite("an idempotency key")
    struct IdempotencyTests {
        @Test("the same idempotency key and body get the first answer again")
        func replay() async throws {
            try await API.with { api in
                let first = try await api.order(key: "checkout-1")
                for _ in 0..<3 {
                    let again = try await api.order(key: "checkout-1")
                    #expect(again.status == 202 && again.body == first.body)
                    #expect(again.header("Location") == first.header("Location"))
                }
                #expect(try await api.order(key: "Checkout-1").body != first.body)
                #expect(try await api.database.orderCount() == 2)
                #expect(try await api.database.torn() == 0)
            }
        }

        @Test("one idempotency key sent fifty times at once makes one order")
        func concurrent() async throws {
            try await API.with { api in
                let answers = try await withThrowingTaskGroup(of: Answer.self) { group in
                    for _ in 0..<50 { group.addTask { try await api.order(key: "checkout-1") } }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(answers.allSatisfy { $0.status == 202 })
                #expect(Set(answers.map(\.text)).count == 1)
                #expect(try await api.database.orderCount() == 1)
                #expect(try await api.database.torn() == 0)
            }
        }

        @Test("the same idempotency key with another body is 422 and stores nothing, also when both come at once")
        func conflict() async throws {
            let other = Form.good.replacing("Leipzig", with: "Dresden")
            try await API.with { api in
                let first = try await api.order(key: "checkout-1")
                let refused = try await api.order(other, key: "checkout-1")
                #expect(refused.status == 422)
                #expect(try refused.problem().errors == nil)
                #expect(try await api.order(key: "checkout-1").body == first.body)
                #expect(try await api.database.orderCount() == 1)

                let answers = try await withThrowingTaskGroup(of: Answer.self) { group in
                    for number in 0..<40 {
                        group.addTask { try await api.order(number % 2 == 0 ? Form.good : other, key: "checkout-2") }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(answers.count { $0.status == 202 } == 20 && answers.count { $0.status == 422 } == 20)
                #expect(Set(answers.filter { $0.status == 202 }.map(\.text)).count == 1)
                #expect(try await api.database.orderCount() == 2)
            }
        }

        @Test("an expired idempotency key is accepted anew, and then kept for another 24 hours")
        func expiry() async throws {
            try await API.with { api in
                let first = try await api.order(key: "checkout-1")
                let age: Statement = "UPDATE orders.idempotency_keys SET expires_at = now() - interval '1 second'"
                try await api.database.execute(age)
                let other = Form.good.replacing("Leipzig", with: "Dresden")
                let second = try await api.order(other, key: "checkout-1")
                #expect(second.status == 202 && second.body != first.body)
                #expect(try await api.order(key: "checkout-1").status == 422)
                #expect(try await api.order(other, key: "checkout-1").body == second.body)
                #expect(
                    try await api.database.count(
                        """
                        SELECT count(*) FROM orders.idempotency_keys
                        WHERE expires_at BETWEEN now() + interval '23 hours' AND now() + interval '24 hours'
                        """) == 1)
            }
        }

        @Test("the SHA-256 of the body is what is kept beside its key")
        func hash() async throws {
            try await API.with { api in
                _ = try await api.order(Form.good, key: "checkout-1")
                let hashes = try await api.database.query(
                    "SELECT encode(body_hash, 'hex') FROM orders.idempotency_keys"
                ) { try $0[0, as: String.self] }
                #expect(hashes == ["83487b7345a6d4b5f3ad1cd60efccd6d46f68f5537980755eb49a49ae93f022d"])
            }
        }

        @Test("a refused submission doesn't use its idempotency key up")
        func refusedFirst() async throws {
            try await API.with { api async throws in
                #expect(try await api.order("{}", key: "checkout-1").status == 422)
                #expect(try await api.order(key: "checkout-1").status == 202)
            }
        }
    }
}
