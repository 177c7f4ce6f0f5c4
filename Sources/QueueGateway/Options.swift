public import MessageQueue

extension QueueGateway {
    /// How a gateway behaves.
    public struct Options: Sendable {
        /// The first parts of paths that are somebody else's, such as those of the operations routes.
        public var pathsOfOthers: Set<String> = ["metrics", "health"]
        /// The most bytes that are held at the same time of requests' bodies, and of large answers that their clients have not read
        /// yet. Beyond that whoever calls is told to try again.
        public var bodyBytes = 256 << 20
        /// Whether clients come by TLS: told to them in addresses.
        public var isEncrypted = false

        /// When segments of the log are opened and dropped: as workers of the same database have it. Where there are none, nobody else
        /// looks after the log. ``QueueGateway/run()`` refuses what lies outside of its range.
        public var retention = Broker.Retention()

        /// How long a message that is not acknowledged stays with a consumer of RocketMQ's, before the next one gets it.
        public var redelivery = Duration.seconds(300)
        /// The same, of one that consumes in order.
        public var orderlyRedelivery = Duration.seconds(60)

        /// The usual ones.
        public init() {}
    }
}
