import Foundation
import Testing

@Suite("The page about failures")
struct FailureModelTests {
    private static let page = "Sources/MessageQueue/MessageQueue.docc/FailureModel.md"

    @Test("each failure of the page names suites and scenarios that are there, or says that it is not tested")
    func names() throws {
        let suites = try Repository.files(in: "Tests", endingIn: "Tests.swift").map(stem)
        let scenarios = try Repository.files(in: "Scenarios", endingIn: ".yaml").map(stem)
        let known = Set(suites + scenarios)
        let rows = try Repository.text(of: Self.page).split(separator: "\n").filter { $0.hasPrefix("| ") }
        #expect(rows.count > 40)
        for row in rows where !row.hasPrefix("| failure |") {
            let cells = row.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            try #require(cells.count == 4, "\(row)")
            let named = cells[3].matches(of: #/`([^`]+)`/#).map { String($0.1) }
            #expect(!named.isEmpty || cells[3] == "not tested", "\(row)")
            #expect(Set(named).subtracting(known) == [], "\(row)")
        }
    }

    private func stem(_ path: String) -> String {
        let name = path.split(separator: "/").last ?? ""
        return String(name.prefix { $0 != "." })
    }
}
