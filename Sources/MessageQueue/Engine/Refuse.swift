import Postgres

extension Broker {
    /// Gives messages up whose outcome the server refuses to store, with the least that can be stored: what is stored of them
    /// already, copied where it is, the reason, and a short text in ASCII. Comes after their completions.
    ///
    /// Also in a queue with ``KeyOrder/blockOnFailure``: what can't be held back can't block its key.
    func bury(refused messages: [ReceivedMessage], because error: any Error, in session: borrowing Session) {
        pass(messages, in: session)
        session.pipeline(
            Self.buryRefused, messages.map(\.receipt.queue), messages.map(\.receipt.lane), messages.map(\.receipt.seq),
            messages.map { level(of: $0.receipt) }, Self.outcomeRefused, Self.refusal(error))
    }

    /// As ``bury(refused:because:in:)``, with the completion.
    func finish(refused message: ReceivedMessage, because error: any Error, in session: borrowing Session) {
        finish([message], as: .dead, errors: [Self.refusal(error)], in: session)
        bury(refused: [message], because: error, in: session)
    }

    /// Gives back, for a while, a message that can't even be buried; the attempt counts. It comes again until somebody has mended what
    /// refuses it, also when its attempts are used up.
    func putOff(unburied message: ReceivedMessage, because error: any Error, in session: borrowing Session) {
        retry([Retry(message, after: Self.pauseOfUnburied, error: Self.refusal(error))], in: session)
    }

    static let pauseOfUnburied = Duration.seconds(60)

    /// The reason of such a dead letter.
    static let outcomeRefused = "outcome-refused"

    private static func refusal(_ error: any Error) -> String { "\(error)".inASCII.storable(upTo: longestRefusal) }

    private static let longestRefusal = 1000

    /// Found by the primary key of the messages. Without a history: it may be what was refused.
    static let buryRefused: Statement = """
        INSERT INTO mq.dead_letters (queue, level, attempts, id, sent_at, topic, key, tag, headers, body, reason, error)
        SELECT m.queue, p.level, m.attempt, m.id, m.sent_at, m.topic, m.key, m.tag, m.headers, m.body, $5, $6
        FROM unnest($1::int[], $2::smallint[], $3::bigint[], $4::smallint[]) AS p(queue, lane, seq, level)
        JOIN mq.messages m ON (m.queue, m.lane, m.seq) = (p.queue, p.lane, p.seq)
        """
}

extension PostgresError {
    /// The server had no memory for it, or it went beyond a limit of the server's, such as `temp_file_limit`: for the moment, or
    /// whenever it is asked.
    var mayAskTooMuch: Bool { kind == .server && (sqlState == "53200" || sqlState == "53400") }

    /// Whether what was to be stored is at fault, and not the moment: the server says so of these data however often it is asked.
    ///
    /// Data exceptions, violated constraints, what is too large for the server or this client, and what a trigger raises, also under
    /// a code of its own. Missing rights and tables are no fault of the data: what an operator mends then goes well.
    var refusesData: Bool {
        switch kind {
        case .server: sqlState.map { $0 == "XX000" || !Self.othersFaults.contains(String($0.prefix(2))) } ?? false
        case .tooLarge, .decoding: true
        case .connectionFailed, .connectionLost, .outcomeUnknown, .poolExhausted, .closed, .invalidConnectionString:
            false
        case .misuse, .cancelled, .deadlineExceeded: false
        }
    }

    /// Whether it is refused however often it is asked, until somebody mends the data, or a right, a table or a trigger.
    var refuses: Bool { refusesData || mayBeMended }

    /// A refusal that does not tell whether the data is at fault.
    var mayBeMended: Bool {
        kind == .server && sqlState != nil && (sqlState == "XX000" || !refusesData && !isRetryable)
    }

    /// The classes of SQLSTATEs that the server has for other things than what is stored. Without those of cardinality (21), data (22,
    /// 23, 27, 44), limits (54) and what is raised (P0); what stands in no list of the server's, somebody has made up.
    private static let othersFaults: Set<String> = [
        "00", "01", "02", "03", "08", "09", "0A", "0B", "0F", "0L", "0P", "0Z", "20", "24", "25", "26", "28", "2B",
        "2D", "2F", "34", "38", "39", "3B", "3D", "3F", "40", "42", "53", "55", "57", "58", "72", "F0", "HV", "XX",
    ]
}
