import Synchronization

/// One server of a connection string. What is nil, libpq knows itself.
struct HostSpec: Sendable, Equatable {
    /// A name, an address, or the folder of a Unix socket.
    var name: String?
    /// The address, where it need not be looked up.
    var address: String?
    var port: String?

    /// Whether there is a name that stands for one or several addresses.
    var needsLookUp: Bool { address == nil && name.map { !$0.hasPrefix("/") && !$0.hasPrefix("@") } ?? false }

    func at(_ address: String) -> HostSpec { HostSpec(name: name, address: address, port: port) }

    var options: [(keyword: String, value: String)] {
        [("host", name), ("hostaddr", address), ("port", port)].compactMap { keyword, value in
            value.map { (keyword, $0) }
        }
    }
}

extension Conninfo {
    /// The servers that the string names, in its order. libpq has checked that the lists fit each other.
    var hosts: [HostSpec] {
        let names = list("host")
        let addresses = list("hostaddr")
        let ports = list("port")
        return (0..<max(1, names.count, addresses.count)).map { index in
            HostSpec(
                name: names.indices.contains(index) ? names[index] : nil,
                address: addresses.indices.contains(index) ? addresses[index] : nil,
                port: ports.count == 1 ? ports[0] : ports.indices.contains(index) ? ports[index] : nil)
        }
    }

    /// Whether clients are to be spread over the servers.
    var isBalanced: Bool { self["load_balance_hosts"] == "random" }

    /// An empty place of a list stands for what would be there without the list.
    private func list(_ keyword: String) -> [String?] {
        let text = self[keyword] ?? ""
        if text.isEmpty { return [] }
        return text.split(separator: ",", omittingEmptySubsequences: false).map { $0.isEmpty ? nil : String($0) }
    }
}

/// The server that was reached last. The next connection begins with it, and not with those that had to be passed over.
final class LastHost: Sendable {
    private let last = Mutex<HostSpec?>(nil)

    func note(_ host: HostSpec) { last.withLock { $0 = host } }

    /// Puts the last host, or its last address, before the others.
    func first<Place>(of places: [Place], where isSame: (Place, HostSpec) -> Bool) -> [Place] {
        guard let last = last.withLock({ $0 }), let index = places.firstIndex(where: { isSame($0, last) }) else {
            return places
        }
        return [places[index]] + places[..<index] + places[(index + 1)...]
    }
}
