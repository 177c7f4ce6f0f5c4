import Foundation

/// The ports of a shop: the usual ones where they are free, others where they are not.
public struct Ports: Sendable {
    public let api, control, payment, logistics: UInt16
    public let workers: [UInt16]

    /// They stay the same for as long as the shop runs, also for a process that is started again.
    public static func free() -> Ports {
        var taken: Set<UInt16> = []
        func choose(_ usual: UInt16) -> UInt16 {
            let port = ([usual] + Array(repeating: 0, count: 20)).lazy.compactMap(Self.tried).first {
                !taken.contains($0)
            }
            taken.insert(port ?? usual)
            return port ?? usual
        }
        return Ports(
            api: choose(8080), control: choose(8090), payment: choose(8091), logistics: choose(8092),
            workers: (0..<4).map { choose(8081 + $0) })
    }

    /// One that is free now, and none of the usual ones.
    public static func anyFree() -> UInt16? { tried(0) }

    /// Tries a port of the loopback interface, 0 for any, and gives it back at once. Nil when it is taken.
    private static func tried(_ port: UInt16) -> UInt16? {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        // Connections of an earlier run that linger do not count.
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { general in
                bind(descriptor, general, length) == 0 && getsockname(descriptor, general, &length) == 0
            }
        }
        return isBound ? UInt16(bigEndian: address.sin_port) : nil
    }
}
