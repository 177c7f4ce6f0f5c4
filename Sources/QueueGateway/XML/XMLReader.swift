import Foundation

#if canImport(FoundationXML)
    import FoundationXML
#endif

/// Reads the small documents that clients send, and nothing that is more than it seems: no document types, so no entities of one's
/// own, and no depth, number of elements or length of a tag that no client would need.
final class XMLReader: NSObject, XMLParserDelegate {
    static let deepest = 16
    static let mostElements = 4096
    /// Of all others one is meant: which one of two, nobody would agree on.
    private static let repeated: Set<String> = ["Message", "ReceiptHandle", "PropertyValue", "SystemPropertyValue"]

    private var open: [XMLNode] = []
    private var root: XMLNode?
    private var elements = 0
    private var problem: Refusal?

    /// - Throws: ``Refusal`` for what is not well-formed, or more than is read here.
    static func read(_ bytes: [UInt8]) throws -> XMLNode {
        let start = try XMLProlog.check(bytes)
        try XMLTags.check(bytes, from: start)
        let reader = XMLReader()
        let parser = XMLParser(data: Data(bytes))
        parser.shouldResolveExternalEntities = false
        parser.delegate = reader
        let isWellFormed = parser.parse()
        if let problem = reader.problem { throw problem }
        guard isWellFormed, let root = reader.root, isEnd(bytes, of: root, from: start) else {
            throw Refusal.malformed("line \(parser.lineNumber), column \(parser.columnNumber)")
        }
        return root
    }

    /// Whether the last tag is that of the root, which begins at `start`; the parser does not care what follows it.
    private static func isEnd(_ bytes: [UInt8], of root: XMLNode, from start: Int) -> Bool {
        guard let last = bytes.lastIndex(of: UInt8(ascii: "<")) else { return false }
        let tag = String(decoding: bytes[last...], as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        guard tag.hasPrefix("</") else { return last == start && tag.hasSuffix("/>") }
        let name = tag.dropFirst(2).dropLast().trimmingCharacters(in: .whitespacesAndNewlines)
        return tag.hasSuffix(">") && name.split(separator: ":").last.map(String.init) == root.name
    }

    func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
        attributes: [String: String]
    ) {
        elements += 1
        guard open.count < Self.deepest, elements <= Self.mostElements, root == nil else {
            problem = .malformed("more than one root, \(Self.deepest) levels or \(Self.mostElements) elements")
            return parser.abortParsing()
        }
        // Clients differ in their namespaces, and none means anything by them.
        open.append(XMLNode(name: String(name.split(separator: ":").last ?? "")))
    }

    func parser(_ parser: XMLParser, foundCharacters text: String) {
        if !open.isEmpty { open[open.count - 1].text += text }
    }

    func parser(_ parser: XMLParser, foundCDATA block: Data) {
        if !open.isEmpty { open[open.count - 1].text += String(decoding: block, as: UTF8.self) }
    }

    func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
        guard let ended = open.popLast() else { return }
        guard let parent = open.indices.last else {
            root = ended
            return
        }
        if !Self.repeated.contains(ended.name), open[parent].child(ended.name) != nil {
            problem = .malformed("\(ended.name) twice in \(open[parent].name)")
            return parser.abortParsing()
        }
        open[parent].children.append(ended)
    }
}

extension Refusal {
    static func malformed(_ where: String) -> Refusal {
        Refusal(.malformedBody, "The body is no XML document as it is read here: \(`where`).")
    }
}
