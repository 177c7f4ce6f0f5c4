import Foundation
import TestSupport

/// A port of this machine at which nobody serves Postgres.
final class DeafPort: Sendable {
    private let descriptor: CInt
    let number: Int

    /// - Parameter accepts: connections are accepted, and nothing is ever said on them; else they are refused.
    init(accepts: Bool) throws {
        descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size) == 0 && getsockname(descriptor, $0, &size) == 0
            }
        }
        number = Int(address.sin_port.bigEndian)
        guard isBound, !accepts || listen(descriptor, 64) == 0, fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0 else {
            close(descriptor)
            throw NeverHappened(description: "no port to listen on: \(errno)")
        }
    }

    deinit { close(descriptor) }

    /// How many have come since it was last asked. The system accepts for us; here they are only counted, and hung up.
    func visitors() -> Int {
        var count = 0
        while case let visitor = accept(descriptor, nil, nil), visitor >= 0 {
            close(visitor)
            count += 1
        }
        return count
    }
}
