import Foundation
import TestSupport
import Testing

extension OrderAPITests {
    @Suite("what 202 promises")
    struct CommitTests {
        @Test("orders of 64 customers at once are committed in groups, and one by one when they come so")
        func groups() async throws {
            try await API.with { api in
                for _ in 0..<10 { #expect(try await api.order().status == 202) }
                #expect(try await api.database.commits() == 10)

                let load = Load(api: api, name: "groups")
                let answers = try await load.submit(1_280, connections: 64)
                #expect(answers.values.count { $0.status == 202 } == 1_280)
                try await load.expectStored(answers)
                let commits = try await api.database.commits() - 10
                // How many share a transaction depends on how fast they come.
                #expect(commits < 1_280, "\(commits) transactions")
            }
        }

        @Test("kill -9 under load loses no accepted order and tears none; the others are settled by repeating them")
        func killed() async throws {
            try await TestDatabase.withShop { database in
                let first = try await API.with(database) { api in
                    let load = Load(api: api, name: "killed")
                    let answers = try await load.submit(600, connections: 32) { answered in
                        if answered == 250 { api.process.signal(SIGKILL) }
                    }
                    #expect((250..<600).contains(answers.count))
                    try await load.expectStored(answers)
                    return answers
                }
                let stored = try await database.orderCount()
                #expect(stored >= first.count && stored <= first.count + 32)

                try await API.with(database) { api in
                    let load = Load(api: api, name: "killed")
                    let second = try await load.submit(600, connections: 32)
                    #expect(second.values.count { $0.status == 202 } == 600)
                    for (number, answer) in first { #expect(second[number]?.body == answer.body) }
                    try await load.expectStored(second)
                    #expect(try await database.orderCount() == 600)
                }
            }
        }

        @Test("SIGTERM under load: whoever got a connection gets an answer, and what was accepted is there")
        func terminated() async throws {
            try await TestDatabase.withShop { database in
                try await API.with(database) { api in
                    let load = Load(api: api, name: "terminated")
                    let answers = try await load.submit(600, connections: 16) { answered in
                        if answered == 200 { api.process.signal(SIGTERM) }
                    }
                    #expect(answers.count >= 200)
                    #expect(answers.values.allSatisfy { $0.status == 202 })
                    try await load.expectStored(answers)
                }
            }
        }
    }
}
