import Foundation

/// How many files and connections this process may have open at once.
enum OpenFiles {
    /// For whatever is open beside the connections of clients: the database, logs, a provider.
    private static let others = 200

    /// Raises the limit to what the system lets this process have, and answers how many clients may be connected then.
    static func clients(atMost wanted: Int) -> Int {
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0 else { return wanted }
        if limit.rlim_cur < limit.rlim_max {
            let soft = limit.rlim_cur
            limit.rlim_cur = limit.rlim_max
            if setrlimit(resource, &limit) != 0 { limit.rlim_cur = soft }
        }
        return max(1, min(wanted, Int(clamping: limit.rlim_cur) - others))
    }

    #if canImport(Glibc)
        private static let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    #else
        private static let resource = RLIMIT_NOFILE
    #endif
}
