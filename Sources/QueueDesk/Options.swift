public import MessageQueue

extension QueueDesk {
    /// What a desk is like, and who may use it.
    public struct Options: Sendable {
        /// A page beside the desk's own in its navigation.
        public struct Link: Sendable {
            let title: String
            let path: String

            /// - Parameters:
            ///   - title: what is read.
            ///   - path: where it leads, from the root of the server.
            public init(_ title: String, path: String) {
                self.title = title
                self.path = path
            }
        }

        /// What the pages are headed with.
        public var title: String
        /// Where the desk lies, such as `/queues`; empty for the root of the server.
        public var path: String
        /// Who may read and change.
        public var access: Access
        /// The names, in lower case and without a port, under which browsers may reach it; nil: for
        /// ``Access/loopback(as:)`` those that mean this machine, for others any.
        public var hosts: Set<String>?
        /// Pages of the adopter's own.
        public var links: [Link]
        /// What a body has to be that is sent by hand to a queue, or to a topic that it hears: throws what is wrong.
        public var checks: [QueueName: @Sendable ([UInt8]) throws -> Void] = [:]

        /// How long workers keep finished messages, see `WorkerOptions.retention`: what stays for an hour longer is told, with the
        /// queue that keeps it. Nil: nobody looks.
        public var retention: Duration?

        /// What waits longer with nothing of its queue in flight is told as received by nobody.
        public var unattendedAfter: Duration = .seconds(30)

        /// What waits longer is told as behind, where somebody receives or the queue is paused.
        public var behindAfter: Duration = .seconds(300)

        /// Settles what can't be guessed; the rest has usual values.
        public init(
            title: String = "Queues", path: String = "", access: Access, hosts: Set<String>? = nil, links: [Link] = []
        ) {
            self.title = title
            self.path = path
            self.access = access
            self.hosts = hosts
            self.links = links
        }
    }

    /// A link to a page below the desk's path.
    public func path(_ page: String, _ query: KeyValuePairs<String, String?> = [:]) -> String {
        let fields = query.compactMap { name, value in value.map { "\(name)=\($0.queryEscaped)" } }
        return options.path + page + (fields.isEmpty ? "" : "?" + fields.joined(separator: "&"))
    }
}

extension String {
    /// For one part of a path or one value of a query (RFC 3986, section 2.3).
    public var queryEscaped: String {
        utf8.map { byte in
            let isUnreserved =
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
                case UInt8(ascii: "0")...UInt8(ascii: "9"): true
                case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"): true
                default: false
                }
            if isUnreserved { return String(UnicodeScalar(byte)) }
            return "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
        }.joined()
    }
}
