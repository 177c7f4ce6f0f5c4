import AsyncHTTPClient
import Durations
import Foundation
import NIOCore
import NIOHTTP1

/// A third party does wrong, by order of the sandbox's control port.
struct ProviderTrouble: Trouble {
    let provider: TimelineEvent.Provider
    let fault: ProviderFault
    /// Base URL of the control port, such as `http://127.0.0.1:8090`.
    let control: String

    private static let limit = TimeAmount.seconds(5)

    init(_ provider: TimelineEvent.Provider, _ fault: ProviderFault, control: String) {
        self.provider = provider
        self.fault = fault
        self.control = control
    }

    func begin() async throws { try await send(.PUT, body: JSONEncoder().encode(Order(fault))) }

    func end() async throws { try await send(.DELETE) }

    /// The fault as the sandbox reads it; what is nil takes the sandbox's default.
    private struct Order: Encodable {
        let mode: String
        let rate: Double?
        let latencyMilliseconds: Int?
        let periodMilliseconds: Int?

        init(_ fault: ProviderFault) {
            mode = fault.mode.rawValue
            rate = fault.rate
            latencyMilliseconds = fault.latency.map { $0.wholeMilliseconds }
            periodMilliseconds = fault.period.map { $0.wholeMilliseconds }
        }
    }

    private func send(_ method: HTTPMethod, body: Data? = nil) async throws {
        var request = HTTPClientRequest(url: "\(control)/faults/\(provider.rawValue)")
        request.method = method
        if let body {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: body))
        }
        let reply: (status: UInt, text: String)
        do {
            let response = try await HTTPClient.shared.execute(request, timeout: Self.limit)
            reply = (response.status.code, String(buffer: try await response.body.collect(upTo: 1 << 16)))
        } catch {
            throw ScenarioError(.faultFailed, "the provider sandbox does not answer at \(control): \(error)")
        }
        guard 200..<300 ~= reply.status else {
            throw ScenarioError(
                .faultFailed, "the provider sandbox refuses \(fault.mode.rawValue) with \(reply.status): \(reply.text)")
        }
    }
}
