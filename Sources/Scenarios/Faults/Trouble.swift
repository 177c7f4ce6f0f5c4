/// Something that is made wrong, and mended again.
protocol Trouble: Sendable {
    /// It is there when this returns.
    func begin() async throws
    /// It is gone when this returns. Is called once after `begin`, also when that failed half way.
    func end() async throws
}
