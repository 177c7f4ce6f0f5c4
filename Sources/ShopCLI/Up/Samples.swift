import Foundation
import ShoeShop

/// What the shop is shown with: its catalogue, and orders as customers send them.
enum Samples {
    static func catalogue() throws -> Catalogue {
        try Catalogue(json: read("catalogue.json"))
    }

    /// A body for `POST /orders` each.
    static func orders() throws -> [Data] {
        try read("orders.jsonl").split(separator: UInt8(ascii: "\n")).map { Data($0) }
    }

    /// From the folder of resources that lies beside the executable.
    private static func read(_ name: String) throws -> Data {
        try Data(contentsOf: Bundle.module.bundleURL.appending(path: "Samples/\(name)"))
    }
}
