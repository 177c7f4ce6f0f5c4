public import HTTPTypes
import Hummingbird
import MessageQueue
import Postgres

/// Why a request gets no page, or not the one it asked for. Thrown by a page, it is what the browser shows.
public struct Refusal: Error, Equatable {
    let status: HTTPResponse.Status
    let text: String

    static let otherHost = Refusal(.misdirectedRequest, "This desk is not reached under that name.")
    static let unknown = Refusal(.unauthorized, "Who are you? Your token is the password.")
    static let tooMany = Refusal(.tooManyRequests, "Too many wrong tokens at once. Try again in a moment.")
    static let onlyReads = Refusal(.forbidden, "You may read here, and change nothing.")
    static let otherSite = Refusal(.forbidden, "This form is not from the desk itself.")
    static let nothingHere = Refusal(.notFound, "There is nothing here. What is older than the retention is gone.")

    /// - Parameters:
    ///   - status: of the answer.
    ///   - text: what is read: a sentence.
    public init(_ status: HTTPResponse.Status, _ text: String) {
        self.status = status
        self.text = text
    }

    /// What whoever looks is told of an error; nil for one that only the log may tell, since it may say what isn't theirs.
    init?(telling error: any Error) {
        switch error {
        case let refusal as Refusal: self = refusal
        case is Errands.AreTooMany:
            self.init(.serviceUnavailable, "Too much is waiting to be done, or the desk is about to stop.")
        case let error as HTTPError: self.init(error.status, error.body ?? error.status.reasonPhrase)
        case let error as QueueError:
            switch error {
            case .unknownQueue, .unknownTopic, .unknownSubscription: self.init(.notFound, "\(error)")
            default: self.init(.badRequest, "\(error)")
            }
        case let error as PostgresError where error.kind == .outcomeUnknown:
            self.init(.serviceUnavailable, "Whether it was done is not known. Look before you do it again.")
        case let error as PostgresError where error.isOutOfTime:
            self.init(
                .serviceUnavailable, "The database needs longer for this than a page may take. Ask for less, or later.")
        default: return nil
        }
    }

    /// - Parameter id: under which the log tells the error.
    init(_ error: any Error, loggedUnder id: String) {
        self =
            error is PostgresError
            ? Refusal(.serviceUnavailable, "The database does not do this now. The log tells why, under \(id).")
            : Refusal(.internalServerError, "Something went wrong here. The log tells what, under \(id).")
    }

    func response(_ options: QueueDesk.Options) -> Response {
        let layout = Layout(options: options, title: status.reasonPhrase, path: nil)
        var response = layout.response([HTML("p", ["role": "alert"], [.text(text)])], status: status)
        if status == .serviceUnavailable { response.headers[.retryAfter] = "2" }
        if status == .unauthorized { response.headers[.wwwAuthenticate] = #"Basic realm="desk", charset="UTF-8""# }
        return response
    }
}

extension PostgresError {
    /// The statement took longer than the server allows (SQLSTATE query_canceled), or the desk.
    var isOutOfTime: Bool { sqlState == "57014" || kind == .deadlineExceeded }
}
