public import Foundation

/// A connection on which anything can be said.
public struct RawConnection: Sendable {
    private let descriptor: Int32

    /// - Parameter address: such as `http://127.0.0.1:8080`.
    public init(to address: String, sending bytes: Data) throws {
        descriptor = try LoopbackSocket.connected(to: address)
        var limit = timeval(tv_sec: 120, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        write(bytes)
    }

    /// Says it, says that this was all, and hears what comes until the other side hangs up.
    public static func exchange(_ bytes: Data, at address: String) async throws -> String {
        try await with(address, sending: bytes) { $0.readToEnd() }
    }

    /// Says it, and hears what comes until the other side hangs up, as it was told to.
    public static func hear(_ bytes: Data, at address: String) async throws -> String {
        try await with(address, sending: bytes) { $0.readRest() }
    }

    /// Says something, waits for an answer to it, says the rest, and hears what comes until the other side hangs up.
    public static func conversation(
        _ beginning: Data, awaiting answer: String, then rest: Data, at address: String
    ) async throws -> (first: String, last: String) {
        try await with(address, sending: beginning) { connection in
            let first = connection.read(until: answer)
            connection.write(rest)
            return (first, connection.readToEnd())
        }
    }

    /// On a thread of its own: these calls block.
    private static func with<T: Sendable>(
        _ address: String, sending bytes: Data, _ body: @escaping @Sendable (RawConnection) -> T
    ) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(
                    with: Result {
                        let connection = try RawConnection(to: address, sending: bytes)
                        defer { connection.hangUp() }
                        return body(connection)
                    })
            }
        }
    }

    public func hangUp() { close(descriptor) }

    private func read(until end: String) -> String {
        var text = ""
        var byte: UInt8 = 0
        while !text.hasSuffix(end), recv(descriptor, &byte, 1, 0) == 1 {
            text.unicodeScalars.append(Unicode.Scalar(byte))
        }
        return text
    }

    /// Stops when the other side has hung up: it need not hear all of it.
    private func write(_ bytes: Data) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    private func readToEnd() -> String {
        shutdown(descriptor, Int32(SHUT_WR))
        return readRest()
    }

    private func readRest() -> String {
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while case let count = recv(descriptor, &buffer, buffer.count, 0), count > 0 {
            answer += buffer[..<count]
        }
        return String(decoding: answer, as: UTF8.self)
    }
}
