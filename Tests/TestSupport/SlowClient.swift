import Foundation

/// A client that takes its time: it says what it is told to say, and reads nothing.
public struct SlowClient: Sendable {
    private let descriptor: Int32

    /// - Parameters:
    ///   - address: such as `http://127.0.0.1:8080`.
    ///   - text: said at once.
    public init(to address: String, saying text: String) throws {
        descriptor = try LoopbackSocket.connected(to: address) { descriptor in
            // What it does not read piles up at the other side.
            var size: Int32 = 4096
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        say(text)
    }

    /// As much of it as the other side takes at once; false when that has hung up.
    @discardableResult
    public func say(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        let count = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
        return count >= 0 || errno == EAGAIN
    }

    public func hangUp() { close(descriptor) }

    /// Lends so many of them to `body`, each of which has said `text(number)`.
    public static func with<T>(
        _ count: Int, to address: String, saying text: (Int) -> String, _ body: ([SlowClient]) async throws -> T
    ) async throws -> T {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        getrlimit(resource, &limit)
        limit.rlim_cur = limit.rlim_max
        setrlimit(resource, &limit)
        var clients: [SlowClient] = []
        defer { for client in clients { client.hangUp() } }
        for number in 0..<count { clients.append(try SlowClient(to: address, saying: text(number))) }
        return try await body(clients)
    }
}

extension TestProcess {
    /// How many connections it has open, to whomever.
    public var sockets: Int {
        let folder = "/proc/\(processID)/fd"
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return files.count { file in
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\(file)"))?.hasPrefix("socket:")
                ?? false
        }
    }
}
