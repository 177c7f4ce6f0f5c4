private import CLibPQ

/// A connection of bare libpq, synchronous, on the thread that uses it: what our own client is measured against.
///
/// The only file here that names libpq's functions.
public struct BareConnection: ~Copyable {
    private let connection: OpaquePointer

    /// Connects, and waits for it.
    public init(_ conninfo: String) throws {
        guard let connection = PQconnectdb(conninfo) else { throw BenchmarkFailure("libpq is out of memory") }
        guard PQstatus(connection) == CONNECTION_OK else {
            defer { PQfinish(connection) }
            throw BenchmarkFailure(String(cString: PQerrorMessage(connection)))
        }
        self.connection = connection
        PQsetNoticeReceiver(connection, { _, _ in }, nil)
    }

    deinit { PQfinish(connection) }

    public var backendPID: Int32 { PQbackendPID(connection) }

    /// Runs statements separated by semicolons, and answers the first field of the last one's first row.
    @discardableResult
    public borrowing func execute(_ sql: String) throws -> String? {
        try take(PQexec(connection, sql), of: sql)
    }

    public borrowing func prepare(_ name: String, _ sql: String, types: [UInt32] = []) throws {
        _ = try take(PQprepare(connection, name, sql, Int32(types.count), types), of: sql)
    }

    /// Runs a prepared statement with binary values, as our own client does; several times in a row, where asked to.
    public borrowing func execute(prepared name: String, _ values: BareValues, times: Int = 1) throws {
        try values.withPointers { count, pointers, lengths, formats in
            for _ in 0..<times {
                guard let result = PQexecPrepared(connection, name, count, pointers, lengths, formats, 1) else {
                    throw failure(name)
                }
                defer { PQclear(result) }
                switch PQresultStatus(result) {
                case PGRES_TUPLES_OK, PGRES_COMMAND_OK: break
                default: throw failure(name)
                }
            }
        }
    }

    /// Waits until somebody notifies a channel that this connection listens to. False when nobody did in time.
    public borrowing func awaitNotification(within milliseconds: Int32) throws -> Bool {
        while true {
            guard PQconsumeInput(connection) == 1 else { throw failure("listening") }
            if let notification = PQnotifies(connection) {
                PQfreemem(notification)
                return true
            }
            guard waitReadable(PQsocket(connection), milliseconds) else { return false }
        }
    }

    /// The same connection string as keywords and values, so that more can be added to its end.
    public static func keywords(of conninfo: String) throws -> String {
        guard let options = PQconninfoParse(conninfo, nil) else {
            throw BenchmarkFailure("the connection string is none that libpq takes")
        }
        defer { PQconninfoFree(options) }
        var pairs: [String] = []
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val {
                let escaped = String(cString: value).replacing("\\", with: "\\\\").replacing("'", with: "\\'")
                pairs.append("\(String(cString: keyword))='\(escaped)'")
            }
            option += 1
        }
        return pairs.joined(separator: " ")
    }

    private borrowing func take(_ result: OpaquePointer?, of sql: String) throws -> String? {
        guard let result else { throw failure(sql) }
        defer { PQclear(result) }
        switch PQresultStatus(result) {
        case PGRES_COMMAND_OK, PGRES_EMPTY_QUERY: return nil
        case PGRES_TUPLES_OK:
            guard PQntuples(result) > 0, PQnfields(result) > 0, PQgetisnull(result, 0, 0) == 0 else { return nil }
            return String(cString: PQgetvalue(result, 0, 0))
        default: throw failure(sql)
        }
    }

    private borrowing func failure(_ what: String) -> BenchmarkFailure {
        BenchmarkFailure("\(what): \(String(cString: PQerrorMessage(connection)))")
    }
}
