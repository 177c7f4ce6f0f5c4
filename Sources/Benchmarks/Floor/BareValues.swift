import Foundation
public import Postgres

/// Values for the placeholders of a statement, in binary form, encoded ahead of what is measured.
public struct BareValues: Sendable {
    public private(set) var types: [UInt32] = []
    /// Begins with a byte, so that even empty values have an address.
    private var bytes: [UInt8] = [0]
    /// Where each value lies; nil is SQL NULL.
    private var ranges: [Range<Int>?] = []

    public init<each P: PostgresEncodable>(_ values: repeat each P) {
        for value in repeat each values { append(value) }
    }

    private mutating func append<P: PostgresEncodable>(_ value: P) {
        let start = bytes.count
        let isNull = !value.encode(into: &bytes)
        types.append(P.postgresType.oid)
        ranges.append(isNull ? nil : start..<bytes.count)
    }

    func withPointers<T>(
        _ body: (Int32, [UnsafePointer<CChar>?], [Int32], [Int32]) throws -> T
    ) rethrows -> T {
        try bytes.withUnsafeBufferPointer { buffer in
            let pointers = ranges.map { range in
                range.flatMap { range in
                    buffer.baseAddress.map {
                        UnsafeRawPointer($0 + range.lowerBound).assumingMemoryBound(to: CChar.self)
                    }
                }
            }
            let lengths = ranges.map { Int32($0?.count ?? 0) }
            return try body(Int32(ranges.count), pointers, lengths, ranges.map { _ in 1 })
        }
    }
}

/// Waits until something can be read from a descriptor.
func waitReadable(_ descriptor: Int32, _ milliseconds: Int32) -> Bool {
    var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&request, 1, milliseconds) > 0
}
