import Hummingbird
import ShoeShop

/// What a browser keeps of a customer, and no script reads.
enum CustomerCookie {
    case token
    /// Names the order on whose page the token is still to be shown.
    case unshown

    private static let year = 31_536_000
    private static let day = 86_400

    func set(_ value: String, for request: Request) -> String {
        text(value, seconds: self == .token ? Self.year : Self.day, request)
    }

    func remove(for request: Request) -> String { text("", seconds: 0, request) }

    func value(in request: Request) -> String? { request.cookies[name(in: request)]?.value }

    private func name(in request: Request) -> String {
        switch self {
        case .token: request.customerCookie
        case .unshown: request.customerCookie + "-unshown"
        }
    }

    private func text(_ value: String, seconds: Int, _ request: Request) -> String {
        "\(name(in: request))=\(value); Max-Age=\(seconds); Path=/; HttpOnly; SameSite=Lax" + request.secureMark
    }
}

extension Request {
    /// Of cookies that are given out over TLS: they never travel without it. Whoever ends TLS before us says so.
    var secureMark: String { isSecure ? "; Secure" : "" }
}
