import NIOCore
import PortReservation

/// The ports of a shop: the usual ones where they are free, others where they are not.
public struct Ports: Sendable {
    public let api, desk, gateway, control, payment, logistics: UInt16
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
            api: choose(8080), desk: choose(8070), gateway: choose(8075), control: choose(8090),
            payment: choose(8091), logistics: choose(8092),
            workers: (0..<4).map { choose(8081 + $0) })
    }

    /// One that is free now, and none of the usual ones.
    public static func anyFree() -> UInt16? { tried(0) }

    /// Tries a port of the loopback interface, 0 for any, and gives it back at once. Nil when it is taken.
    private static func tried(_ port: UInt16) -> UInt16? {
        guard let reserved = try? ReservedPort(host: "127.0.0.1", port: Int(port)) else { return nil }
        return reserved.address.port.map { UInt16($0) }
    }
}
