extension QueueGateway {
    /// How a gateway behaves.
    public struct Options: Sendable {
        /// The first parts of paths that are somebody else's, such as those of the operations routes.
        public var pathsOfOthers: Set<String> = ["metrics", "health"]
        /// The most bytes of requests' bodies that are held at the same time.
        public var bodyBytes = 256 << 20
        /// Whether clients come by TLS: told to them in addresses.
        public var isEncrypted = false

        /// The usual ones.
        public init() {}
    }
}
