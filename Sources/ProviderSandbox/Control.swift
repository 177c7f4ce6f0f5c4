import Foundation
import Hummingbird
import NIOCore

/// The routes by which tests and operators break and mend the providers.
struct Control: Sendable {
    let providers: [Provider]

    func addRoutes(to router: some RouterMethods) {
        router.get("faults") { _, _ in
            try json(Dictionary(uniqueKeysWithValues: providers.map { ($0.name, $0.fault) }))
        }
        router.put("faults/:provider") { request, context in
            let provider = try provider(context)
            let fault = try decodeFault(try await body(of: request))
            try await provider.replaceFault(by: fault)
            return try json(fault)
        }
        router.delete("faults/:provider") { _, context in
            try await provider(context).replaceFault(by: nil)
            return Response(status: .noContent)
        }
        router.get("ledger") { _, _ in
            try json(Dictionary(uniqueKeysWithValues: providers.map { ($0.name, Statement(provider: $0)) }))
        }
    }

    private func provider(_ context: some RequestContext) throws -> Provider {
        let name = try context.parameters.require("provider")
        guard let provider = providers.first(where: { $0.name == name }) else {
            throw HTTPError(.notFound, message: "no provider \(name)")
        }
        return provider
    }

    private static let longestBody = 4096

    private func body(of request: Request) async throws -> Data {
        do {
            return Data(try await request.body.collect(upTo: Self.longestBody).readableBytesView)
        } catch is NIOTooManyBytesError {
            throw HTTPError(.contentTooLarge, message: "a fault has \(Self.longestBody) bytes at most")
        } catch {
            // The client hung up, or what came is no HTTP. There is nobody to answer, and nothing wrong here.
            throw HTTPError(.badRequest, message: "the body did not come to its end")
        }
    }

    private func decodeFault(_ body: Data) throws -> Fault {
        do throws(BadCall) { return try JSON.decode(written: body) } catch {
            throw HTTPError(.badRequest, message: error.reason)
        }
    }

    private func json(_ value: some Encodable) throws -> Response {
        Response(
            status: .ok, headers: [.contentType: "application/json"],
            body: .init(byteBuffer: ByteBuffer(bytes: try JSON.encode(value))))
    }
}

/// A provider's ledger as a part of a larger answer.
private struct Statement: Encodable {
    let provider: Provider

    func encode(to encoder: any Encoder) throws {
        try provider.desk.statement.encode(to: encoder)
    }
}
