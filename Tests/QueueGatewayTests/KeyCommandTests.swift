import Foundation
import MessageQueue
import NIOHTTP1
import Postgres
import TestSupport
import Testing

@testable import QueueGateway

extension GatewayTests {
    @Test("a key is made, rotated and revoked on the command line, each of which a gateway goes by, and is recorded")
    func keyCommands() async throws {
        try await GatewayProcess.with { gateway in
            try await gateway.broker.declare(queue: "in")
            let made = try await gateway.key(["create", "--label", "billing", "--allow", "send:queues/in"])
            #expect(try await gateway.send(as: made).status == 201)
            #expect(try await gateway.with(made).signed(.GET, "/queues/in").status == 403)
            let rotated = try await gateway.key(["rotate", made.id])
            #expect(rotated.id == made.id && rotated.secret != made.secret)
            try await eventually("the new secret is good") { try await gateway.send(as: rotated).status == 201 }
            #expect(try await gateway.send(as: made).text.contains("SignatureDoesNotMatch"))
            #expect(try await gateway.shoeshop(["keys", "revoke", made.id]).status == 0)
            let refused = try await eventually("it is worth nothing") {
                let reply = try await gateway.send(as: rotated)
                return reply.status == 201 ? nil : reply
            }
            #expect(refused.text.contains("InvalidAccessKeyId"), "\(refused)")
            for late in [["rotate", made.id], ["revoke", made.id], ["rotate", "SKnobody"]] {
                #expect(try await gateway.shoeshop(["keys"] + late).status == 64, "\(late)")
            }
            let deeds = try await gateway.broker.operatorActions().filter { $0.by?.via == "shoeshop" }
            #expect(deeds.map(\.verb) == [.revokeKey, .rotateKey, .createKey])
        }
    }

    @Test("the secret of a key is told once: neither is it listed, nor does it stand in what is stored")
    func secretsToldOnce() async throws {
        try await GatewayProcess.with { gateway in
            let made = try await gateway.key(
                ["create", "--label", "billing", "--allow", "send:queues/a-*", "--allow", "read:*", "--rate", "5"])
            let listed = try await gateway.shoeshop(["keys", "list", "--json"])
            let keys = try JSONDecoder().decode([Listed].self, from: Data(listed.output.utf8))
            let own = try #require(keys.first { $0.id == made.id })
            #expect(own.label == "billing" && own.permissions == ["send:queues/a-*", "read:*"])
            #expect(own.ratePerSecond == 5 && own.revokedAt == nil)
            let table = try await gateway.shoeshop(["keys", "list"]).output
            #expect(table.contains(made.id) && table.contains("send:queues/a-* read:*"), "\(table)")
            // Sealed, and told as a dump tells it: in hexadecimal digits.
            let stored = try await gateway.database.query("SELECT k::text FROM mq.access_keys k") {
                try $0[0, as: String.self]
            }.joined()
            #expect(stored.contains(made.id))
            for told in [made.secret, Array(made.secret.utf8).hex] {
                for text in [listed.output, table, stored] { #expect(!text.contains(told)) }
            }
            for wrong in [["--allow", "fly:queues/a"], ["--allow", "send"], ["--rate", "0"]] {
                #expect(try await gateway.shoeshop(["keys", "create"] + wrong).status == 64, "\(wrong)")
            }
        }
    }

    @Test("a group of RocketMQ's consumers is made on the command line, of tags, and in order, before they come")
    func groupCommands() async throws {
        try await GatewayProcess.with { gateway in
            let command = [
                "groups", "create", "news", "GID-1", "--instance", "I", "--tag", "a", "--tag", "b", "--json",
            ]
            let made = try await gateway.shoeshop(command)
            #expect(made.output.contains(#""queue" : "I.news.GID-1""#), "\(made)")
            #expect(try await gateway.shoeshop(command + ["--orderly"]).output.contains("I.news.GID-1.orderly"))
            let broker = gateway.broker
            let plain = try await broker.subscription("I.news.GID-1", of: "I.news").subscription
            #expect(plain.tags == ["a", "b"] && plain.endpoint == .queue("I.news.GID-1"))
            #expect(try await broker.queue("I.news.GID-1.orderly").settings.order == .skipOnFailure)
            #expect(try await gateway.shoeshop(["groups", "create", "news", "a.b"]).status != 0)
        }
    }
}

/// What `shoeshop keys list --json` tells of one.
private struct Listed: Decodable {
    let id, label: String
    let permissions: [String]
    let ratePerSecond: Double?
    let revokedAt: String?
}

extension GatewayProcess {
    fileprivate func shoeshop(_ arguments: [String]) async throws -> TestProcess.End {
        try await TestProcess.end(
            of: "shoeshop", arguments,
            environment: ["DATABASE_URL": database.conninfo, "GATEWAY_SECRET_KEY": Self.secretKey])
    }

    /// Whatever else is told beside an id and a secret is one thing too many.
    fileprivate func key(_ arguments: [String]) async throws -> Credentials {
        let end = try await shoeshop(["keys"] + arguments + ["--json"])
        let told = try JSONDecoder().decode([String: String].self, from: Data(end.output.utf8))
        #expect(end.status == 0 && told.keys.sorted() == ["id", "secret"], "\(end)")
        return Credentials(id: told["id"] ?? "", secret: told["secret"] ?? "")
    }

    fileprivate func with(_ credentials: Credentials) -> GatewayProcess {
        GatewayProcess(
            address: address, credentials: credentials, broker: broker, database: database, process: process)
    }

    fileprivate func send(as credentials: Credentials) async throws -> Reply {
        try await with(credentials).signed(
            .POST, "/queues/in/messages", "<Message><MessageBody>x</MessageBody></Message>")
    }
}
