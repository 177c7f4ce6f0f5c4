import Foundation

/// A socket that is connected to a server of this machine.
enum LoopbackSocket {
    /// - Parameters:
    ///   - address: such as `http://127.0.0.1:8080`.
    ///   - prepare: sets what has to be set before it is connected.
    /// - Throws: `POSIXError` when nobody listens there.
    static func connected(to address: String, _ prepare: (Int32) -> Void = { _ in }) throws -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        prepare(descriptor)
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = in_port_t(URL(string: address)?.port ?? 0).bigEndian
        name.sin_addr.s_addr = inet_addr("127.0.0.1")
        let connected = withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else {
            close(descriptor)
            throw POSIXError(.ECONNREFUSED)
        }
        return descriptor
    }
}
