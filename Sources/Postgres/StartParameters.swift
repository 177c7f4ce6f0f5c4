extension Conninfo {
    /// What libpq is given to reach one place. Of an option that is there twice, the second counts.
    ///
    /// The name of the application and the encoding are part of the start, not a later SET: so a pooler hands them on.
    func parameters(at place: HostSpec, as role: String?, named name: String) -> [(keyword: String, value: String)] {
        let said = given.filter { !Self.places.contains($0.keyword) }.map { (keyword: $0.keyword, value: $0.value) }
        let unsaid = Self.signsOfLife.filter { self[$0.keyword] == nil }
        let role = role.map { [(keyword: "target_session_attrs", value: $0)] } ?? []
        let encoding = (keyword: ConnectionOptions.encoding.name, value: ConnectionOptions.encoding.value)
        return said + place.options + unsaid + role + [encoding, (keyword: "application_name", value: name)]
    }

    private static let places = ["host", "hostaddr", "port"]

    /// A connection whose other end is gone without a word is noticed within 15 s: by what is sent and not acknowledged, or, when
    /// nothing is sent, by two questions of the system. In seconds, and `tcp_user_timeout` in milliseconds.
    private static let signsOfLife = [
        (keyword: "keepalives_idle", value: "5"),
        (keyword: "keepalives_interval", value: "5"),
        (keyword: "keepalives_count", value: "2"),
        (keyword: "tcp_user_timeout", value: "15000"),
    ]
}
