import Foundation
package import NIOCore

/// A TCP port that stays this process's own while nobody listens on it.
///
/// A socket that is bound but does not listen refuses connections as a closed port does, yet keeps others from
/// taking the port. With `SO_REUSEADDR` on both, a listener can come and go beside it.
package struct ReservedPort: ~Copyable {
    /// With the port that it got.
    package let address: SocketAddress
    private let descriptor: CInt

    /// - Parameter port: 0 lets the system choose.
    package init(host: String, port: Int) throws {
        let wanted = try SocketAddress.makeAddressResolvingHost(host, port: port)
        let descriptor = try Self.boundSocket(to: wanted)
        do {
            let address = try Self.name(of: descriptor, like: wanted)
            self.init(address: address, descriptor: descriptor)
        } catch {
            close(descriptor)
            throw error
        }
    }

    private init(address: SocketAddress, descriptor: CInt) {
        self.address = address
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    private static func boundSocket(to address: SocketAddress) throws -> CInt {
        let descriptor = socket(CInt(address.protocol.rawValue), streamSocket, 0)
        guard descriptor >= 0 else { throw IOError(errnoCode: errno, reason: "socket") }
        var on: CInt = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<CInt>.size))
        let result = address.withSockAddr { bind(descriptor, $0, socklen_t($1)) }
        guard result == 0 else {
            let code = errno
            close(descriptor)
            throw IOError(errnoCode: code, reason: "cannot bind \(address)")
        }
        return descriptor
    }

    private static func name(of descriptor: CInt, like wanted: SocketAddress) throws -> SocketAddress {
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let port: in_port_t? = withUnsafeMutableBytes(of: &storage) { bytes in
            let pointer = bytes.assumingMemoryBound(to: sockaddr.self).baseAddress
            guard let pointer, getsockname(descriptor, pointer, &size) == 0 else { return nil }
            // The port sits at the same place in an IPv4 and an IPv6 address.
            return UnsafeRawPointer(pointer).loadUnaligned(fromByteOffset: 2, as: in_port_t.self).bigEndian
        }
        guard let port else { throw IOError(errnoCode: errno, reason: "getsockname") }
        var address = wanted
        address.port = Int(port)
        return address
    }
}

#if canImport(Glibc)
    private let streamSocket = CInt(SOCK_STREAM.rawValue)
#else
    private let streamSocket = SOCK_STREAM
#endif
