import Foundation
import HTTPTypes
import StrictJSON
import Testing

@testable import QueueGateway

@Suite("The JSON API's own words")
struct JSONDescriptionTests {
    private static let yaml = try? String(
        contentsOf: URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
            .appending(path: "../../Sources/QueueGateway/JSON/openapi.yaml"), encoding: .utf8)

    /// The operations of the document. It reads this one file's layout: two spaces deeper at each level.
    private static func operations(_ yaml: String) -> Set<String> {
        var (operations, path, isInPaths) = (Set<String>(), "", false)
        for line in yaml.split(separator: "\n") {
            let depth = line.prefix { $0 == " " }.count
            let key = String(line.dropFirst(depth).prefix { $0 != ":" })
            switch depth {
            case 0: isInPaths = key == "paths"
            case 2 where isInPaths: path = key
            case 4 where isInPaths && key != "parameters": operations.insert("\(key.uppercased()) \(path)")
            default: break
            }
        }
        return operations
    }

    @Test("openapi.yaml describes each route, and no other one")
    func routes() throws {
        let described = Self.operations(try #require(Self.yaml))
        let own = Route.all.map { "\($0.method.rawValue) \($0.pattern.template)" }
        let pages = ["GET /v1/openapi.yaml", "GET /v1/problems"]
        #expect(Set(described.map { $0.replacing(#/{\w+}/#, with: "{name}") }) == Set(own + pages))
    }

    @Test("openapi.yaml tells where each code of a problem comes from")
    func codes() throws {
        let yaml = try #require(Self.yaml)
        let named = ["no-such-path", "method-not-allowed"]
        for code in Problem.Code.allCases where !code.rawValue.hasPrefix("no-such-") && !named.contains(code.rawValue) {
            #expect(yaml.contains("`\(code.rawValue)`"), "\(code.rawValue)")
        }
    }

    @Test("whatever text is told, it is read again as the same, by a reader that takes nothing else")
    func texts() throws {
        let all = String(String.UnicodeScalarView((0...0x2FF).compactMap(Unicode.Scalar.init)))
        for text in ["", all, "\"\\/\u{7F}", "你好😀\u{2028}"] {
            let bytes = (["a": .string(text), text: .integer(1)] as JSONText).bytes
            let members = try #require(try StrictJSON.read(bytes).members)
            #expect(members.map(\.name) == ["a", text] && members[0].value.string == text)
        }
        for (number, text) in [(0.5, "0.5"), (30, "30"), (-1e300, "-1e+300"), (1.0 / 3, "0.3333333333333333")] {
            #expect(String(decoding: JSONText.decimal(number).bytes, as: UTF8.self) == text)
        }
    }

    @Test("a value of a text is found one level at a time, as it is written")
    func nodes() throws {
        let node = try StrictJSON.read(Array(#" {"a" : [1 , "x", {"b":[ ]}] , "n":-1.0e0, "t":true, "z":null} "#.utf8))
        let members = try #require(node.members)
        #expect(members.map(\.name) == ["a", "n", "t", "z"])
        let elements = try #require(members[0].value.elements(atMost: 2))
        #expect(elements.count == 2 && elements[0].integer == 1 && elements[1].string == "x")
        let all = try #require(members[0].value.elements(atMost: 9))
        #expect(String(decoding: all[2].text, as: UTF8.self) == #"{"b":[ ]}"#)
        #expect(members[1].value.integer == -1 && members[2].value.boolean == true && members[3].value.isNull)
        #expect(members[1].value.string == nil && members[0].value.members == nil && node.elements(atMost: 1) == nil)
    }
}
