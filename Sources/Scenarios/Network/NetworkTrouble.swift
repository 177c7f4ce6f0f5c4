/// The network between some processes and one of their peers goes wrong.
struct NetworkTrouble: Trouble {
    /// One for each of the processes that it strikes.
    let proxies: [Proxy]
    let fault: NetworkFault

    init(_ proxies: [Proxy], _ fault: NetworkFault) {
        self.proxies = proxies
        self.fault = fault
    }

    func begin() async throws { try await tell { try await $0.begin(fault) } }

    func end() async throws { try await tell { try await $0.end(fault) } }

    /// All of them are told, also when one refuses.
    private func tell(_ change: (Proxy) async throws -> Void) async throws {
        var failure: (any Error)?
        for proxy in proxies {
            do { try await change(proxy) } catch { failure = failure ?? error }
        }
        if let failure { throw ScenarioError(.faultFailed, "a proxy does not listen again: \(failure)") }
    }
}
