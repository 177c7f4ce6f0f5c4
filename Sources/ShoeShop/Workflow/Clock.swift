package import Foundation
package import Postgres

extension Session {
    /// When this transaction began, by the database's clock: the one that all steps share.
    package borrowing func time() throws -> Date {
        try query(Self.clock) { try $0[0] }[0]
    }

    private static let clock: Statement = "SELECT now()"
}
