package import Foundation

/// A process of the shop, as it tells about itself.
package struct ServiceEntry: Sendable, Encodable {
    package let name: String
    package let address: String
    package let pid: Int
    /// Since when it listens.
    package let since: Date
    /// Nil when it doesn't answer.
    package var version: String?
    /// What its readiness says: empty when all is well; nil when it doesn't answer.
    package var troubles: [String: String]?
    /// Messages and requests that it has handled since it began.
    package var handled: Int?
    /// A second, since it was asked before.
    package var throughput: Double?
    /// The last lines of its log that tell of trouble, the newest first.
    package var errors: [String] = []
}
