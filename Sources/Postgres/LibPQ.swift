import CLibPQ
import Foundation

/// A link to a server. This file and LibPQOptions.swift are all that names libpq's functions.
///
/// It owns one `PGconn` and is used on one thread only, always non-blocking and, between ``enterPipelineMode()``
/// and ``leavePipelineMode()``, in pipeline mode. Facts about the calls: PostgreSQL 15 documentation, chapter 34.
struct Link: ~Copyable {
    private let connection: OpaquePointer
    /// Freed after the connection, which writes to it.
    private let remarks = Remarks()

    /// Begins to connect; answers nil when libpq is out of memory. Of an option that is given twice, the second counts.
    init?(connectingWith options: [(keyword: String, value: String)]) {
        let started = withCStrings(options.map(\.keyword)[...]) { keywords in
            withCStrings(options.map(\.value)[...]) { values in PQconnectStartParams(keywords, values, 0) }
        }
        guard let started else { return nil }
        connection = started
        remarks.listen(to: started)
    }

    deinit { PQfinish(connection) }

    // MARK: State

    var isBroken: Bool { PQstatus(connection) == CONNECTION_BAD }
    var socket: Int32 { PQsocket(connection) }
    var backendPID: Int32 { PQbackendPID(connection) }
    var serverVersion: Int { Int(PQserverVersion(connection)) }
    /// Whether the server has said, by itself, that it takes no writes now. Servers before 14 and poolers don't say.
    var isReadOnly: Bool { isOn("in_hot_standby") || isOn("default_transaction_read_only") }

    private func isOn(_ name: String) -> Bool {
        PQparameterStatus(connection, name).map { String(cString: $0) == "on" } ?? false
    }

    var errorMessage: String {
        String(cString: PQerrorMessage(connection)).split(separator: "\n").joined(separator: " ").replacing(
            "\t", with: "")
    }

    // MARK: Connecting

    enum ConnectProgress { case waitReadable, waitWritable, done, failed }

    func continueConnecting() -> ConnectProgress {
        switch PQconnectPoll(connection) {
        case PGRES_POLLING_READING: .waitReadable
        case PGRES_POLLING_WRITING: .waitWritable
        case PGRES_POLLING_OK: .done
        default: .failed
        }
    }

    func becomeNonBlocking() -> Bool { PQsetnonblocking(connection, 1) == 0 }

    func enterPipelineMode() -> Bool { PQenterPipelineMode(connection) == 1 }
    func leavePipelineMode() -> Bool { PQexitPipelineMode(connection) == 1 }

    // MARK: Sending

    func sendScript(_ sql: String) -> Bool { PQsendQuery(connection, sql) == 1 }

    func sendPrepare(_ name: String, _ sql: String, types: [UInt32]) -> Bool {
        PQsendPrepare(connection, name, sql, Int32(types.count), types) == 1
    }

    /// Executes a prepared statement, or, without a name, the text itself.
    func sendExecute(_ name: String?, _ sql: String, _ parameters: Parameters) -> Bool {
        let count = parameters.values.count
        return parameters.bytes.withUnsafeBufferPointer { bytes in
            withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: count) { values in
                withUnsafeTemporaryAllocation(of: Int32.self, capacity: count) { lengths in
                    withUnsafeTemporaryAllocation(of: Int32.self, capacity: count) { formats in
                        Self.describe(parameters, in: bytes, values, lengths, formats)
                        let (values, lengths, formats) = (values.baseAddress, lengths.baseAddress, formats.baseAddress)
                        return if let name {
                            PQsendQueryPrepared(connection, name, Int32(count), values, lengths, formats, 1) == 1
                        } else {
                            PQsendQueryParams(
                                connection, sql, Int32(count), parameters.types, values, lengths, formats, 1) == 1
                        }
                    }
                }
            }
        }
    }

    private static func describe(
        _ parameters: Parameters, in bytes: UnsafeBufferPointer<UInt8>,
        _ values: UnsafeMutableBufferPointer<UnsafePointer<CChar>?>,
        _ lengths: UnsafeMutableBufferPointer<Int32>, _ formats: UnsafeMutableBufferPointer<Int32>
    ) {
        for (index, value) in parameters.values.enumerated() {
            // An empty value still needs an address, and for libpq a null pointer is SQL NULL: `Parameters` always
            // holds at least one byte.
            values[index] =
                if value.length == nil { nil } else {
                    bytes.baseAddress.map { UnsafeRawPointer($0 + value.offset).assumingMemoryBound(to: CChar.self) }
                }
            lengths[index] = Int32(clamping: value.length ?? 0)
            formats[index] = 1
        }
    }

    /// Has the server send what it has answered so far, and go on.
    func sendFlushRequest() -> Bool { PQsendFlushRequest(connection) == 1 }

    func sendSync() -> Bool { PQpipelineSync(connection) == 1 }

    enum Flush { case done, more, failed }

    func flush() -> Flush {
        switch PQflush(connection) {
        case 0: .done
        case 1: .more
        default: .failed
        }
    }

    // MARK: Receiving

    func consumeInput() -> Bool { PQconsumeInput(connection) == 1 }
    var isBusy: Bool { PQisBusy(connection) == 1 }

    func nextResult() -> ResultHandle? { PQgetResult(connection).map { ResultHandle($0) } }

    /// What the server remarked, since this was asked last, of a commit that may not last.
    func takeDoubt() -> String? { remarks.takeDoubt() }

    func nextNotification() -> String? {
        guard let notification = PQnotifies(connection) else { return nil }
        defer { PQfreemem(notification) }
        return String(cString: notification.pointee.relname)
    }

    /// Asks the server to stop the running statement. Opens a connection of its own and waits for the server's
    /// postmaster to hang up; the statement then fails with SQLSTATE 57014, or has finished already.
    ///
    /// Until the request has ended, it may still hit the next statement of this link. Nil when libpq is out of memory, or too
    /// many requests are under way.
    func cancelRunningStatement() -> CancelRequest? {
        guard let cancel = PQgetCancel(connection) else { return nil }
        // A cancel handle is a copy of the address and the key, and may be used on any one thread.
        let address = UInt(bitPattern: cancel)
        let request = CancelRequest {
            guard let cancel = OpaquePointer(bitPattern: address) else { return }
            defer { PQfreeCancel(cancel) }
            var message = [CChar](repeating: 0, count: 256)
            _ = PQcancel(cancel, &message, Int32(message.count))
        }
        if request == nil { PQfreeCancel(cancel) }
        return request
    }
}

/// Owns one `PGresult`.
@usableFromInline struct ResultHandle: ~Copyable {
    private let pointer: OpaquePointer

    init(_ pointer: OpaquePointer) { self.pointer = pointer }

    deinit { PQclear(pointer) }

    enum Status { case rows, done, sync, aborted, failed }

    var status: Status {
        switch PQresultStatus(pointer) {
        case PGRES_TUPLES_OK: .rows
        case PGRES_COMMAND_OK, PGRES_EMPTY_QUERY: .done
        case PGRES_PIPELINE_SYNC: .sync
        case PGRES_PIPELINE_ABORTED: .aborted
        default: .failed
        }
    }

    /// Rows inserted, updated, deleted or returned; 0 for commands that have none.
    var affectedRows: Int { Int(String(cString: PQcmdTuples(pointer))) ?? 0 }

    /// The rows, which must not be used once this handle is gone.
    @usableFromInline var rows: Reference { Reference(pointer: pointer) }

    @usableFromInline struct Reference {
        fileprivate let pointer: OpaquePointer

        @usableFromInline var rowCount: Int { Int(PQntuples(pointer)) }
        @usableFromInline var columnCount: Int { Int(PQnfields(pointer)) }

        @usableFromInline func columnName(_ column: Int) -> String {
            PQfname(pointer, Int32(column)).map { String(cString: $0) } ?? ""
        }

        /// The bytes of one field; nil is SQL NULL.
        @usableFromInline func field(_ row: Int, _ column: Int) -> UnsafeRawBufferPointer? {
            guard PQgetisnull(pointer, Int32(row), Int32(column)) == 0 else { return nil }
            let length = Int(PQgetlength(pointer, Int32(row), Int32(column)))
            return UnsafeRawBufferPointer(start: PQgetvalue(pointer, Int32(row), Int32(column)), count: length)
        }
    }

    /// - Parameter wasPrepared: it was executed by the name under which it had been prepared.
    func serverError(in statement: String, wasPrepared: Bool = false) -> PostgresError {
        var error = PostgresError(.server, errorField("M") ?? "the server refused a statement without saying why")
        error.sqlState = errorField("C")
        error.detail = errorField("D")
        error.hint = errorField("H")
        error.constraint = errorField("n")
        error.schema = errorField("s")
        error.table = errorField("t")
        error.statement = statement
        error.isSessionStale = wasPrepared && isAboutWhatWasPrepared
        return error
    }

    /// The name is unknown or in use: somebody else was in the session. Or a table has changed so that the statement has other
    /// columns now; texts are translated, so that is known by where in the server it comes from (`plancache.c`).
    private var isAboutWhatWasPrepared: Bool {
        ["26000", "42P05"].contains(errorField("C"))
            || errorField("C") == "0A000" && errorField("R") == "RevalidateCachedQuery"
    }

    private func errorField(_ code: Unicode.Scalar) -> String? { field(code, of: pointer) }
}

/// Codes of the fields: the protocol's "Error and Notice Message Fields".
private func field(_ code: Unicode.Scalar, of result: OpaquePointer?) -> String? {
    PQresultErrorField(result, Int32(code.value)).map { String(cString: $0) }
}

/// Hears the notices of one connection, of which only those matter that put a commit in doubt. The others are dropped: a
/// library has no business on standard error.
private struct Remarks: ~Copyable {
    private let doubt: UnsafeMutablePointer<String?>

    init() {
        doubt = .allocate(capacity: 1)
        doubt.initialize(to: nil)
    }

    deinit {
        doubt.deinitialize(count: 1)
        doubt.deallocate()
    }

    /// Called by libpq on the connection's own thread, while it reads.
    func listen(to connection: OpaquePointer) {
        PQsetNoticeReceiver(
            connection,
            { context, notice in
                guard let doubt = Remarks.doubt(in: notice) else { return }
                context?.assumingMemoryBound(to: String?.self).pointee = doubt
            }, doubt)
    }

    func takeDoubt() -> String? {
        defer { doubt.pointee = nil }
        return doubt.pointee
    }

    /// A commit that waits for its standby can be talked out of it: by a cancel request, which the server answers with
    /// success and a warning, or by the end of the session. Texts are translated, so the warning is known by where in the
    /// server it comes from (`SyncRepWaitForLSN` in `syncrep.c`), or by its SQLSTATE, which no other warning has.
    private static func doubt(in notice: OpaquePointer?) -> String? {
        guard field("V", of: notice) == "WARNING",
            field("R", of: notice) == "SyncRepWaitForLSN" || field("C", of: notice) == "57P01"
        else { return nil }
        return [field("M", of: notice), field("D", of: notice)].compactMap(\.self).joined(separator: ". ")
    }
}

/// Lends strings to C, as an array that ends with a null pointer.
func withCStrings<R>(
    _ strings: ArraySlice<String>, after pointers: [UnsafePointer<CChar>?] = [],
    _ body: ([UnsafePointer<CChar>?]) -> R
) -> R {
    guard let first = strings.first else { return body(pointers + [nil]) }
    return first.withCString { withCStrings(strings.dropFirst(), after: pointers + [$0], body) }
}
