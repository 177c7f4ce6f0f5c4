/// A one-dimensional array of the server, for set-based statements over `unnest($1::text[])`.
extension Array: PostgresEncodable where Element: PostgresEncodable {
    /// The array type of its elements.
    public static var postgresType: PostgresType {
        PostgresType(oid: Element.postgresType.arrayOID, arrayOID: Element.postgresType.arrayOID)
    }

    /// Wire form: dimensions, null flag, element type, length, lower bound, then each element after its length.
    @inlinable public func encode(into bytes: inout [UInt8]) -> Bool {
        appendBigEndian(Int32(isEmpty ? 0 : 1), to: &bytes)
        let flagOffset = bytes.count
        appendBigEndian(Int32(0), to: &bytes)
        appendBigEndian(Element.postgresType.oid, to: &bytes)
        guard !isEmpty else { return true }
        // Lengths that don't fit belong to values that are never sent: `Parameters.check`.
        appendBigEndian(Int32(truncatingIfNeeded: count), to: &bytes)
        appendBigEndian(Int32(1), to: &bytes)
        for element in self {
            let lengthOffset = bytes.count
            appendBigEndian(Int32(-1), to: &bytes)
            if element.encode(into: &bytes) {
                overwrite(&bytes, at: lengthOffset, with: Int32(truncatingIfNeeded: bytes.count - lengthOffset - 4))
            } else {
                overwrite(&bytes, at: flagOffset, with: 1)
            }
        }
        return true
    }
}

extension Array: PostgresDecodable where Element: PostgresDecodable {
    @inlinable public static func decode(_ bytes: UnsafeRawBufferPointer?) -> Self? {
        guard let bytes, bytes.count >= 12 else { return nil }
        guard bigEndian(bytes, as: Int32.self) == 1 else { return bigEndian(bytes, as: Int32.self) == 0 ? [] : nil }
        var elements: [Element] = []
        var offset = 20
        for _ in 0..<bigEndian(bytes, at: 12, as: Int32.self) {
            let length = Int(bigEndian(bytes, at: offset, as: Int32.self))
            offset += 4
            let slice = length < 0 ? nil : UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + length])
            guard let element = Element.decode(slice) else { return nil }
            elements.append(element)
            offset += Swift.max(length, 0)
        }
        return elements
    }
}

@inlinable func overwrite(_ bytes: inout [UInt8], at offset: Int, with value: Int32) {
    bytes.withUnsafeMutableBytes { $0.storeBytes(of: value.bigEndian, toByteOffset: offset, as: Int32.self) }
}
