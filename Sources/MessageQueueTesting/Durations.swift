extension Duration {
    /// So many minutes of sixty seconds.
    public static func minutes(_ count: Int) -> Duration { .seconds(count * 60) }
    /// So many hours of sixty minutes.
    public static func hours(_ count: Int) -> Duration { .seconds(count * 3600) }
    /// Of 24 hours each.
    public static func days(_ count: Int) -> Duration { .hours(count * 24) }
}
