public import Hummingbird

/// Who may use a desk.
public struct Access: Sendable {
    enum Answer { case visitor(Visitor), unknown, tooMany }

    let visitor: @Sendable (Request) async throws -> Answer
    /// Whether names of this machine are the ones to reach it under, unless the adopter says other ones.
    let isLocal: Bool

    /// The names under which a browser reaches a server that listens on a loopback address.
    public static let localNames: Set<String> = ["localhost", "127.0.0.1", "[::1]"]

    /// Whoever reaches it is an operator: for a server that listens on a loopback address and nowhere else.
    ///
    /// Guarantee: requests whose `Host` is no name of this machine are refused, so that no page of another site can reach the
    /// desk under a name of its own that it lets point here (DNS rebinding).
    /// - Parameter name: recorded with what is done.
    public static func loopback(as name: String) -> Access {
        Access(visitor: { _ in .visitor(Visitor(name, .operator)) }, isLocal: true)
    }

    /// Whoever brings a token, as the password of HTTP Basic authentication (RFC 7617). To be used behind TLS.
    ///
    /// Whoever brings somebody's own token is recorded as its owner. With one that has none, the user name is whatever they want to be
    /// recorded as: then the record is as good as they are honest.
    ///
    /// Under which names it is reached is not known here: see ``QueueDesk/Options/hosts``.
    public static func tokens(viewers: [AccessToken] = [], operators: [AccessToken]) -> Access {
        let tokens = Tokens(viewers: viewers, operators: operators)
        return Access(visitor: tokens.visitor, isLocal: false)
    }

    /// Whom the adopter's own login knows; nil is turned away.
    public static func custom(_ visitor: @escaping @Sendable (Request) async throws -> Visitor?) -> Access {
        Access(visitor: { try await visitor($0).map(Answer.visitor) ?? .unknown }, isLocal: false)
    }
}
