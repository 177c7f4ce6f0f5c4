/// What is wrong with a body that a step could not read, for whoever wrote it by hand.
package struct DecodingText: CustomStringConvertible {
    package let description: String

    package init(_ error: any Error) {
        description =
            switch error as? DecodingError {
            case .keyNotFound(let key, let context)?: "\(Self.path(context, key)) is missing"
            case .typeMismatch(let type, let context)?: "\(Self.path(context)) is no \(type)"
            case .valueNotFound(_, let context)?: "\(Self.path(context)) is empty"
            case .dataCorrupted(let context)?: "\(Self.path(context)): \(context.debugDescription)"
            default: "\(error)"
            }
    }

    private static func path(_ context: DecodingError.Context, _ last: (any CodingKey)? = nil) -> String {
        let names = (context.codingPath + [last].compactMap(\.self)).map {
            $0.intValue.map(String.init) ?? $0.stringValue
        }
        return names.isEmpty ? "the whole" : names.joined(separator: ".")
    }
}
