import Foundation

/// The addresses of a host. libpq would look them up as well, for as long as the resolver takes, and try them one after the
/// other without a limit for each.
enum LookUp {
    enum Outcome: Sendable { case addresses([String]), failure(String) }

    /// - Throws: ``PostgresError`` of kind `connectionFailed`.
    static func addresses(
        of name: String, until deadline: ContinuousClock.Instant
    ) throws(PostgresError) -> [String] {
        switch DetachedCall({ resolve(name) }).wait(until: deadline) {
        case .addresses(let addresses): return addresses
        case .failure(let reason): throw PostgresError(.connectionFailed, "no address for host \(name): \(reason)")
        case nil: throw PostgresError(.connectionFailed, "no address for host \(name) in time")
        }
    }

    private static func resolve(_ name: String) -> Outcome {
        var first: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(name, nil, nil, &first)
        guard code == 0 else { return .failure(String(cString: gai_strerror(code))) }
        defer { freeaddrinfo(first) }
        var addresses: [String] = []
        var next = first
        while let entry = next?.pointee {
            // Each comes once for each kind of socket.
            if let address = text(of: entry), !addresses.contains(address) { addresses.append(address) }
            next = entry.ai_next
        }
        return addresses.isEmpty ? .failure("none of a known kind") : .addresses(addresses)
    }

    private static func text(of entry: addrinfo) -> String? {
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let code = getnameinfo(
            entry.ai_addr, entry.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
        return code == 0 ? text.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } } : nil
    }
}
