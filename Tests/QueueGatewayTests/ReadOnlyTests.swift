import Foundation
import HTTPTypes
import MessageQueue
import NIOHTTP1
import Postgres
import TestSupport
import Testing

@testable import QueueGateway

extension GatewayTests {
    @Test("while a gateway's server is read-only, what changes something is 503, and says when to try again")
    func readOnlyServer() async throws {
        try await OwnServer.with { server in
            let database = Database(server.conninfo)
            try await Migrator(.messageQueue).run(on: database)
            let secret = try #require(GatewaySecret(GatewayProcess.secretKey))
            let credentials = try await secret.makeKey(label: "tests", on: Broker(database))
            try await GatewayProcess.start(on: database) { process in
                let gateway = GatewayProcess(
                    address: process.addresses["address"] ?? "", credentials: credentials, broker: Broker(database),
                    database: database, process: process)
                #expect(try await gateway.signed(.PUT, "/queues/away", "<Queue/>").status == 201)
                try await server.refuseWrites(true)
                let message = "<Message><MessageBody>x</MessageBody></Message>"
                let refused = try await gateway.signed(.POST, "/queues/away/messages", message)
                #expect(refused.status == 503 && refused.headers["Retry-After"] == ["2"], "\(refused)")
                try await server.refuseWrites(false)
                try await eventually("it takes messages again") {
                    try await gateway.signed(.POST, "/queues/away/messages", message).status == 201
                }
            }
            await database.close()
        }
    }

    @Test("HEAD is answered as GET is, without a body, where GET takes nothing")
    func askedByHead() async throws {
        try await GatewayProcess.with { gateway in
            #expect(try await gateway.signed(.PUT, "/queues/asked", "<Queue/>").status == 201)
            #expect(try await gateway.signed(.PUT, "/topics/asked", "<Topic/>").status == 201)
            for path in ["/queues", "/queues/asked", "/topics", "/topics/asked", "/topics/asked/subscriptions"] {
                let reply = try await gateway.signed(.HEAD, path)
                #expect(reply.status == 200 && reply.text.isEmpty, "\(path): \(reply)")
            }
            #expect(try await gateway.signed(.HEAD, "/queues/nowhere").status == 404)
            let messages = try await gateway.signed(.HEAD, "/queues/asked/messages")
            #expect(messages.status == 400 && messages.text.isEmpty, "\(messages)")
        }
    }
}

@Suite("What a client of Alibaba's is told while the database is away")
struct AwayTests {
    @Test(
        "an answer while the database is away says when it is worth trying again, in either dialect, and no other does"
    )
    func retryAfter() throws {
        let name = try #require(HTTPField.Name("Retry-After"))
        for answers in [XMLAnswers.mns, .rocketMQ] {
            for reason in Refusal.Reason.allCases {
                let answer = answers.answer(Refusal(reason, "x"), id: RequestID(), endpoint: "http://a")
                let isAway = [.databaseAway, .unconfirmed].contains(reason)
                #expect(answer.headers[name] == (isAway ? "2" : nil), "\(reason)")
            }
        }
    }

    @Test("an address is logged by its scheme and host alone: the rest may hold a password")
    func origins() {
        for address in ["https://ada:secret@hook.example:8443/in?token=secret#secret", "https://hook.example/secret"] {
            #expect(address.origin == "https://hook.example")
        }
    }
}
