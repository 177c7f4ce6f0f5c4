import Foundation
import Postgres

/// Where the open shop is, and what to try.
struct Directions {
    let site: Site
    /// An order to try.
    let order: Data

    var text: String {
        let addresses = site.addresses
        let order = String(decoding: order, as: UTF8.self)
        return """
            The shop stays open until Ctrl-C.

              desk       \(addresses.desk ?? "")
              shop       \(addresses.api ?? "")
              gateway    \(addresses.gateway ?? "")
              payment    \(addresses.payment ?? "")
              logistics  \(addresses.logistics ?? "")
              faults     \(addresses.control ?? "")
              database   \(Conninfo.masked(addresses.database))
              logs       \(site.shop.path)/logs

            Try:

              curl -i \(addresses.api ?? "")/orders -H 'Content-Type: application/json' \\
                -d '\(order.replacing("'", with: "'\\''"))'
              curl \(addresses.api ?? "")/products
              curl -X PUT \(addresses.control ?? "")/faults/logistics -d '{"mode": "outage", "forSeconds": 60}'

            """
    }
}
