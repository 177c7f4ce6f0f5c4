import Foundation
import Postgres

/// Processor time and memory of processes, as the kernel counts them. Zero where the kernel doesn't tell (macOS).
public enum ProcessUse {
    /// Seconds that a process has used so far, user and system.
    public static func seconds(of process: Int32) -> Double {
        guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
            let end = text.lastIndex(of: ")")
        else { return 0 }
        // After the name in parentheses: state is field 3, utime field 14, stime field 15, in ticks.
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else { return 0 }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// Seconds that the server's processes for this database have used so far, those that live now.
    static func ofBackends(of database: some DatabaseAccess) async throws -> Double {
        try await backends(of: database).reduce(0) { $0 + seconds(of: $1) }
    }

    /// Bytes of memory of their own that the server's processes for this database hold.
    static func memoryOfBackends(of database: some DatabaseAccess) async throws -> Int {
        try await backends(of: database).reduce(0) { $0 + memory(of: $1) }
    }

    private static func backends(of database: some DatabaseAccess) async throws -> [Int32] {
        try await database.query("SELECT pid FROM pg_stat_activity WHERE datname = current_database()") {
            try $0[0, as: Int32.self]
        }
    }

    /// Bytes of memory of its own that a process holds.
    public static func memory(of process: Int32) -> Int {
        guard let text = try? String(contentsOfFile: "/proc/\(process)/statm", encoding: .utf8) else { return 0 }
        let pages = text.split(separator: " ").prefix(3).compactMap { Int($0) }
        return pages.count == 3 ? (pages[1] - pages[2]) * Int(sysconf(Int32(_SC_PAGESIZE))) : 0
    }
}
