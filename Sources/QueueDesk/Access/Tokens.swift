import Foundation
import HTTPTypes
import Hummingbird
import Synchronization

/// Tokens as passwords of HTTP Basic authentication. Wrong ones are answered after a second, a few at a time: whoever guesses
/// is slowed down, and whoever has a token is not.
final class Tokens: Sendable {
    private let roles: [(token: AccessToken, role: Visitor.Role)]
    private let delayed = Mutex(0)

    private static let mostDelayed = 10
    private static let delay = Duration.seconds(1)

    init(viewers: [AccessToken], operators: [AccessToken]) {
        roles = operators.map { ($0, .operator) } + viewers.map { ($0, .viewer) }
    }

    func visitor(of request: Request) async throws -> Access.Answer {
        guard let (name, token) = Self.credentials(in: request) else { return .unknown }
        guard let known = known(token) else { return try await refuse() }
        return .visitor(Visitor(known.token.owner ?? name, known.role))
    }

    private func known(_ shown: [UInt8]) -> (token: AccessToken, role: Visitor.Role)? {
        // All are looked at: how long it takes tells nothing of which one matched.
        roles.reduce(nil as (token: AccessToken, role: Visitor.Role)?) { found, known in
            known.token.isSame(as: shown) ? known : found
        }
    }

    private func refuse() async throws -> Access.Answer {
        let isAllowed = delayed.withLock { count in
            guard count < Self.mostDelayed else { return false }
            count += 1
            return true
        }
        guard isAllowed else { return .tooMany }
        defer { delayed.withLock { $0 -= 1 } }
        try await Task.sleep(for: Self.delay)
        return .unknown
    }

    private static func credentials(in request: Request) -> (name: String, token: [UInt8])? {
        guard let header = request.headers[.authorization], header.lowercased().hasPrefix("basic "),
            let data = Data(base64Encoded: header.dropFirst(6).trimmingCharacters(in: .whitespaces)),
            let colon = data.firstIndex(of: UInt8(ascii: ":"))
        else { return nil }
        return (String(decoding: data[..<colon], as: UTF8.self), [UInt8](data[(colon + 1)...]))
    }
}
