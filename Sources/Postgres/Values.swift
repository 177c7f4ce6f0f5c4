public import Foundation

/// A type of the server, with the type of its arrays; numbers as in `pg_type.oid`.
public struct PostgresType: Sendable {
    /// Its number in `pg_type`.
    public let oid: UInt32
    /// The number of the type of arrays of it.
    public let arrayOID: UInt32

    /// Names a type of the server by its numbers in `pg_type`.
    public init(oid: UInt32, arrayOID: UInt32) {
        self.oid = oid
        self.arrayOID = arrayOID
    }
}

/// A value that can be sent as a binary parameter.
public protocol PostgresEncodable: Sendable {
    /// The type that the server is told.
    static var postgresType: PostgresType { get }
    /// Appends the binary form; returns false, having appended nothing, for SQL NULL.
    func encode(into bytes: inout [UInt8]) -> Bool
}

/// A value that can be read from a binary column.
public protocol PostgresDecodable: Sendable {
    /// Reads the binary form; nil is SQL NULL. Answers nil when the bytes are not of this type.
    static func decode(_ bytes: UnsafeRawBufferPointer?) -> Self?
}

/// A type of Swift that is both sent as a parameter and read from a column.
public typealias PostgresValue = PostgresEncodable & PostgresDecodable

@inlinable func appendBigEndian(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
}

@inlinable func bigEndian<I: FixedWidthInteger>(
    _ bytes: UnsafeRawBufferPointer, at offset: Int = 0, as: I.Type = I.self
) -> I {
    I(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: I.self))
}

/// Integers read any integer column that fits, so that `count(*)` and `int4` columns need no casts.
@inlinable func decodeInteger<I: FixedWidthInteger>(_ bytes: UnsafeRawBufferPointer?, as: I.Type) -> I? {
    guard let bytes else { return nil }
    return switch bytes.count {
    case 2: I(exactly: bigEndian(bytes, as: Int16.self))
    case 4: I(exactly: bigEndian(bytes, as: Int32.self))
    case 8: I(exactly: bigEndian(bytes, as: Int64.self))
    default: nil
    }
}

extension Int16: PostgresValue {
    /// `smallint`.
    public static let postgresType = PostgresType(oid: 21, arrayOID: 1005)
    @inlinable public func encode(into bytes: inout [UInt8]) -> Bool { appendBigEndian(self, to: &bytes); return true }
    @inlinable public static func decode(_ bytes: UnsafeRawBufferPointer?) -> Self? {
        decodeInteger(bytes, as: Self.self)
    }
}

extension Int32: PostgresValue {
    /// `integer`.
    public static let postgresType = PostgresType(oid: 23, arrayOID: 1007)
    @inlinable public func encode(into bytes: inout [UInt8]) -> Bool { appendBigEndian(self, to: &bytes); return true }
    @inlinable public static func decode(_ bytes: UnsafeRawBufferPointer?) -> Self? {
        decodeInteger(bytes, as: Self.self)
    }
}

extension Int64: PostgresValue {
    /// `bigint`.
    public static let postgresType = PostgresType(oid: 20, arrayOID: 1016)
    @inlinable public func encode(into bytes: inout [UInt8]) -> Bool { appendBigEndian(self, to: &bytes); return true }
    @inlinable public static func decode(_ bytes: UnsafeRawBufferPointer?) -> Self? {
        decodeInteger(bytes, as: Self.self)
    }
}

extension Int: PostgresValue {
    /// `bigint`.
    public static let postgresType = Int64.postgresType
    @inlinable public func encode(into bytes: inout [UInt8]) -> Bool { Int64(self).encode(into: &bytes) }
    @inlinable public static func decode(_ bytes: UnsafeRawBufferPointer?) -> Self? {
        decodeInteger(bytes, as: Self.self)
    }
}

extension Bool: PostgresValue {
    /// `boolean`.
    public static let postgresType = PostgresType(oid: 16, arrayOID: 1000)
    @inlinable public func encode(into bytes: inout [UInt8]) -> Bool { bytes.append(self ? 1 : 0); return true }
    @inlinable public static func decode(_ bytes: UnsafeRawBufferPointer?) -> Self? {
        bytes.flatMap { $0.count == 1 ? $0[0] != 0 : nil }
    }
}

extension Double: PostgresValue {
    /// `double precision`.
    public static let postgresType = PostgresType(oid: 701, arrayOID: 1022)
    @inlinable public func encode(into bytes: inout [UInt8]) -> Bool {
        appendBigEndian(bitPattern, to: &bytes); return true
    }
    @inlinable public static func decode(_ bytes: UnsafeRawBufferPointer?) -> Self? {
        guard let bytes else { return nil }
        return switch bytes.count {
        case 8: Double(bitPattern: bigEndian(bytes))
        case 4: Double(Float(bitPattern: bigEndian(bytes)))
        default: nil
        }
    }
}

extension String: PostgresValue {
    /// `text`.
    public static let postgresType = PostgresType(oid: 25, arrayOID: 1009)
    @inlinable public func encode(into bytes: inout [UInt8]) -> Bool { bytes.append(contentsOf: utf8); return true }
    @inlinable public static func decode(_ bytes: UnsafeRawBufferPointer?) -> Self? {
        bytes.map { String(decoding: $0, as: UTF8.self) }
    }
}

/// `bytea`.
public struct Bytes: PostgresValue, Hashable {
    /// The bytes themselves.
    public let bytes: [UInt8]
    /// Wraps bytes, to be stored as `bytea`.
    public init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// `bytea`.
    public static let postgresType = PostgresType(oid: 17, arrayOID: 1001)
    /// The bytes as they are.
    @inlinable public func encode(into bytes: inout [UInt8]) -> Bool {
        bytes.append(contentsOf: self.bytes); return true
    }
    /// The bytes as they came.
    @inlinable public static func decode(_ bytes: UnsafeRawBufferPointer?) -> Self? { bytes.map { Bytes(Array($0)) } }
}

extension UUID: PostgresValue {
    /// `uuid`.
    public static let postgresType = PostgresType(oid: 2950, arrayOID: 2951)
    @inlinable public func encode(into bytes: inout [UInt8]) -> Bool {
        withUnsafeBytes(of: uuid) { bytes.append(contentsOf: $0) }
        return true
    }
    @inlinable public static func decode(_ bytes: UnsafeRawBufferPointer?) -> Self? {
        guard let bytes, bytes.count == 16 else { return nil }
        return UUID(uuid: bytes.loadUnaligned(as: uuid_t.self))
    }
}

/// `timestamptz`, in microseconds.
extension Date: PostgresValue {
    /// `timestamptz`.
    public static let postgresType = PostgresType(oid: 1184, arrayOID: 1185)
    /// The server counts from 2000-01-01, 10,957 days after the Unix epoch.
    @usableFromInline static let epochOffset = 946_684_800.0
    /// No timestamp of the server's: it refuses this one (SQLSTATE 22008), as it does any that is too far away.
    @usableFromInline static let tooFarAway = Int64.max - 1
    @inlinable public func encode(into bytes: inout [UInt8]) -> Bool {
        let microseconds = ((timeIntervalSince1970 - Self.epochOffset) * 1_000_000).rounded()
        appendBigEndian(Int64(exactly: microseconds) ?? Self.tooFarAway, to: &bytes)
        return true
    }
    @inlinable public static func decode(_ bytes: UnsafeRawBufferPointer?) -> Self? {
        guard let bytes, bytes.count == 8 else { return nil }
        return Date(timeIntervalSince1970: Double(bigEndian(bytes, as: Int64.self)) / 1_000_000 + epochOffset)
    }
}

/// `jsonb`, as its text.
public struct JSON: PostgresValue, Equatable {
    /// The JSON itself.
    public let text: String
    /// Wraps a text that is JSON already. Nobody checks that here; the server does.
    public init(_ text: String) { self.text = text }

    /// `jsonb`.
    public static let postgresType = PostgresType(oid: 3802, arrayOID: 3807)
    @usableFromInline static let version: UInt8 = 1
    /// The text behind the number of its form, which is 1.
    @inlinable public func encode(into bytes: inout [UInt8]) -> Bool {
        bytes.append(Self.version)
        return text.encode(into: &bytes)
    }
    /// Nil for another form than 1, the only one that there is.
    @inlinable public static func decode(_ bytes: UnsafeRawBufferPointer?) -> Self? {
        guard let bytes, bytes.first == version else { return nil }
        return JSON(String(decoding: bytes.dropFirst(), as: UTF8.self))
    }
}

extension Optional: PostgresEncodable where Wrapped: PostgresEncodable {
    /// The type of the value that may be there.
    public static var postgresType: PostgresType { Wrapped.postgresType }
    @inlinable public func encode(into bytes: inout [UInt8]) -> Bool { self?.encode(into: &bytes) ?? false }
}

extension Optional: PostgresDecodable where Wrapped: PostgresDecodable {
    @inlinable public static func decode(_ bytes: UnsafeRawBufferPointer?) -> Self? {
        bytes == nil ? .some(.none) : Wrapped.decode(bytes).map(Optional.some)
    }
}
