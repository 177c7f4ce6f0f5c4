import Foundation
import Postgres
import TestSupport
import Testing

@Suite("What doctor finds of a server", .timeLimit(.minutes(10)))
struct DoctorTests {
    /// Of one thing: what was found, and what mends it.
    private func finding(of what: String, at conninfo: String) async throws -> (found: String?, mend: String?) {
        let end = try await TestProcess.end(of: "shoeshop", ["doctor", "--json", "--database-url", conninfo])
        let findings = try JSONSerialization.jsonObject(with: Data(end.output.utf8)) as? [[String: String]]
        let finding = try #require(findings?.first { $0["what"] == what }, "\(end)")
        return (finding["found"], finding["mend"])
    }

    @Test("doctor tells of a database that keeps text in another encoding than UTF8, and what to do about it")
    func encoding() async throws {
        try await TestDatabase.with(.empty) { database async throws in
            #expect(try await finding(of: "encoding", at: database.conninfo) == ("UTF8", nil))
        }
        try await TestDatabase.with(encoding: "LATIN1") { database in
            let (found, mend) = try await finding(of: "encoding", at: database.conninfo)
            #expect(found == "LATIN1" && mend?.contains("ENCODING 'UTF8'") == true)
        }
    }

    @Test("doctor counts the commits that wait for a standby which is away, as long as they do")
    func commits() async throws {
        try await SynchronousServer.with { server, conninfo in
            #expect(try await finding(of: "commits", at: conninfo).mend == nil)
            try await server.demandStandby()
            try await eventually("doctor tells of them") {
                let (found, mend) = try await finding(of: "commits", at: conninfo)
                return mend != nil && found?.hasSuffix(" held up by a standby") == true
            }
            try await server.lift()
            #expect(try await finding(of: "commits", at: conninfo) == ("none waits for a standby", nil))
        }
    }
}
