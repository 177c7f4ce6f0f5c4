import Foundation
import MessageQueue

/// Where a subscription of MNS goes, as clients write it: `acs:mns:{region}:{account}:queues/{queue}`, or the address of a web server.
struct SubscriptionEndpoint: Equatable {
    let text: String
    let target: Subscription.Endpoint

    /// Region and account are whatever the client takes for its own; there is one of each here.
    private static let start = ["acs", "mns"]
    private static let longest = 1000

    /// - Throws: ``Refusal`` for one of another kind.
    init(_ text: String) throws {
        self.text = text
        guard !text.isEmpty, text.utf8.count <= Self.longest, text.canStandInXML else {
            throw Refusal(.invalidEndpoint, "The Endpoint is missing, or longer than \(Self.longest) bytes.")
        }
        guard let target = Self.queue(in: text) ?? Self.server(in: text) else {
            throw Refusal(
                .invalidEndpoint,
                "The Endpoint is neither acs:mns:REGION:ACCOUNT:queues/QUEUE nor an http:// or https:// address; mail and short "
                    + "messages are not sent from here.")
        }
        self.target = target
    }

    /// That of a subscription, whoever made it.
    init(of subscription: Subscription) {
        target = subscription.endpoint
        switch target {
        case .stored(let address): text = address
        case .queue(let queue):
            // The subscription may have been turned to another queue since, by the library.
            let told = subscription.labels[SubscriptionLabel.endpoint.rawValue] ?? ""
            text = Self.queue(in: told) == target ? told : "acs:mns:local:\(MNS.owner):queues/\(queue)"
        }
    }

    /// Nothing is pushed so far: what goes to a web server is noted, and waits for somebody who does.
    var isWaiting: Bool { if case .stored = target { true } else { false } }

    private static func queue(in text: String) -> Subscription.Endpoint? {
        let parts = text.split(separator: ":", maxSplits: 4, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 5, Array(parts[..<2]) == start, parts[4].hasPrefix("queues/") else { return nil }
        let name = parts[4].dropFirst("queues/".count)
        return name.isEmpty ? nil : .queue(QueueName(String(name)))
    }

    private static func server(in text: String) -> Subscription.Endpoint? {
        guard let address = URL(string: text), let scheme = address.scheme?.lowercased(), let host = address.host()
        else {
            return nil
        }
        return ["http", "https"].contains(scheme) && !host.isEmpty ? .stored(text) : nil
    }
}

extension String {
    /// Of an address, its scheme and host: the rest may hold a password, or what is as good as one.
    var origin: String {
        let address = URL(string: self)
        return "\(address?.scheme ?? "")://\(address?.host() ?? "")"
    }
}

/// What is noted of subscriptions that the engine has no setting for.
enum SubscriptionLabel: String {
    case strategy = "gateway.notify-strategy"
    /// As the client wrote it: it may compare.
    case endpoint = "gateway.endpoint"
}
