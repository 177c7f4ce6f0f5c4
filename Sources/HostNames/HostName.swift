/// The name under which a server is asked, as a request's `Host` or an address tells it: in lower case, without a port.
package struct HostName: Sendable, Hashable, CustomStringConvertible {
    package let description: String

    /// - Parameter authority: a host, and maybe a port behind a colon; an IPv6 address stands in brackets.
    package init(_ authority: String) {
        let name = authority.lowercased()
        let port = name.lastIndex(of: ":").flatMap { name[$0...].contains("]") ? nil : $0 }
        description = String(name[..<(port ?? name.endIndex)])
    }

    /// A host and a port as addresses write them: an IPv6 address stands in brackets (RFC 3986, section 3.2).
    package static func authority(_ host: String, port: Int) -> String {
        (host.contains(":") ? "[\(host)]" : host) + ":\(port)"
    }

    /// Whether it means this machine wherever it is asked for: no site can let such a name point here, as it can a name
    /// of its own (DNS rebinding).
    package var isLoopback: Bool { ["localhost", "[::1]"].contains(description) || isLoopbackIPv4 }

    /// Whether it is what a server listens on to be reached by every address of its machine. Asked for, it means this
    /// one.
    package var isUnspecified: Bool { ["0.0.0.0", "[::]"].contains(description) }

    private var isLoopbackIPv4: Bool {
        let parts = description.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127"
            && parts.allSatisfy { UInt8($0) != nil && $0.allSatisfy(\.isNumber) }
    }
}
