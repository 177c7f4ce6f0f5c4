import Foundation
import TestSupport
import Testing

extension SystemTests {
    @Test("followers who come and go miss no event and are told none twice, while APIs die and the database restarts")
    func followers() async throws {
        struct Figure: Decodable {
            let name: String
            let value: Double
        }
        let told = try await TestProcess.output(of: "shoeshop", ["bench", "followers", "--smoke", "--json"])
        let figures = try told.split(separator: "\n").map { try JSONDecoder().decode(Figure.self, from: Data($0.utf8)) }
        let values = Dictionary(uniqueKeysWithValues: figures.map { ($0.name, $0.value) })
        #expect(values["lost"] == 0 && values["told twice"] == 0, "\(told)")
        #expect((values["told, over all"] ?? 0) > 500 && (values["connections, over all"] ?? 0) > 100, "\(told)")
    }
}
