import MessageQueue
import TestSupport
import Testing

extension GatewayTests {
    @Test(
        "what no client sends is answered with an error that clients can read, or closed, and harms nobody else",
        arguments: [
            "spelling", "paths_and_methods", "parameters", "odd_names", "codes", "in_its_own_words", "bodies",
            "too_large", "heads", "authorizations", "slow_clients", "keep_alive", "polls_on_one_connection",
        ])
    func attacks(_ function: String) async throws {
        try await GatewayProcess.with { gateway in
            try await gateway.run(function, of: "attacks", with: "aliyun-mns-sdk")
            #expect(!gateway.process.hasEnded)
        }
    }

    @Test(
        "a body that does not come in time is refused, and its connection closed, also where clients have less time",
        arguments: ["30s", "100ms"])
    func slowBody(clientTimeout: String) async throws {
        try await GatewayProcess.with(["BODY_TIME": "1s", "CLIENT_TIMEOUT": clientTimeout]) { gateway in
            try await gateway.run("slow_body", of: "attacks", with: "aliyun-mns-sdk")
        }
    }
}
