import Foundation
import ShoeShop

/// What the shop is shown with: its catalogue, and orders as customers send them.
enum Samples {
    static func catalogue() throws -> Catalogue {
        try Catalogue(json: Data(PackageResources.catalogue_json))
    }

    /// A body for `POST /orders` each.
    static var orders: [Data] {
        PackageResources.orders_jsonl.split(separator: UInt8(ascii: "\n")).map { Data($0) }
    }
}
