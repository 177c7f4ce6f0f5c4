import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

@testable import Scenarios

@Suite("A provider", .timeLimit(.minutes(10)))
struct ProviderTroubleTests {
    @Test("a provider takes every fault that a scenario can name, with its times, and is well again at the end")
    func faults() async throws {
        try await Self.withSandbox { control, _ in
            for mode in ProviderFault.Mode.allCases {
                let fault = ProviderFault(
                    mode: mode, rate: mode == .outage || mode == .flapping ? nil : 0.25,
                    latency: mode == .latency || mode == .drip ? .milliseconds(1500) : nil,
                    period: mode == .flapping ? .seconds(3) : nil)
                let trouble = ProviderTrouble(.logistics, fault, control: control)
                try await trouble.begin()
                let shown = try await get(control + "/faults").body
                #expect(shown.contains(#""mode":"\#(mode.rawValue)""#), "\(shown)")
                if mode == .error { #expect(shown.contains(#""rate":0.25"#), "\(shown)") }
                if mode == .latency { #expect(shown.contains(#""latencyMilliseconds":1500"#), "\(shown)") }
                if mode == .flapping { #expect(shown.contains(#""periodMilliseconds":3000"#), "\(shown)") }
                try await trouble.end()
                #expect(try await get(control + "/faults").body.contains("mode") == false)
            }
        }
    }

    @Test("a provider whose control port refuses a fault, or does not answer, makes the trouble fail with the reason")
    func refusals() async throws {
        try await Self.withSandbox { control, _ in
            let wrong = ProviderTrouble(.payment, ProviderFault(mode: .error, rate: 2), control: control)
            let error = await #expect(throws: ScenarioError.self) { try await wrong.begin() }
            #expect(error?.description.contains("rate must be from 0 to 1") == true)
        }
        let nobody = ProviderTrouble(.payment, ProviderFault(mode: .error), control: "http://127.0.0.1:1")
        let error = await #expect(throws: ScenarioError.self) { try await nobody.begin() }
        #expect(error?.reason == .faultFailed)
    }

    @Test(
        "a provider whose wall clock is wrong tells the wrong time, and measures spans as before",
        .enabled(if: FakeTime.isInstalled, "clocks can be made wrong on Linux only"), arguments: [-3.0, 26.5])
    func clock(hours: Double) async throws {
        let environment = try FakeTime.environment(offset: .seconds(hours * 3600))
        try await Self.withSandbox(environment: environment) { control, payment in
            let header = try await get(control + "/health/live").date
            let told = try Date(header, strategy: Date.VerbatimFormatStyle.http.parseStrategy)
            #expect(abs(told.timeIntervalSinceNow - hours * 3600) < 600, "\(header)")
            let late = ProviderFault(mode: .latency, latency: .milliseconds(200))
            let trouble = ProviderTrouble(.payment, late, control: control)
            try await trouble.begin()
            let start = ContinuousClock.now
            var request = HTTPClientRequest(url: payment + "/charges")
            request.method = .POST
            _ = try await HTTPClient.shared.execute(request, timeout: .seconds(120))
            // The request itself is given less than the hours by which the clock is wrong.
            #expect(ContinuousClock.now - start >= .milliseconds(200))
            try await trouble.end()
        }
    }

    private static func withSandbox(
        environment: [String: String] = [:],
        _ body: @escaping @Sendable (_ control: String, _ payment: String) async throws -> Void
    ) async throws {
        let data = "/tmp/shoeshop-ledgers-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: data) }
        let own = ["DATA": data, "PAYMENT_PORT": "0", "LOGISTICS_PORT": "0", "LOG_LEVEL": "critical"]
        try await TestProcess.with("provider-sandbox", environment: own.merging(environment) { $1 }) { sandbox in
            try await body(sandbox.addresses["address"] ?? "", sandbox.addresses["payment"] ?? "")
        }
    }
}

private func get(_ address: String) async throws -> (body: String, date: String) {
    let response = try await HTTPClient.shared.execute(HTTPClientRequest(url: address), timeout: .seconds(120))
    let body = String(buffer: try await response.body.collect(upTo: 1 << 16))
    return (body, response.headers.first(name: "Date") ?? "")
}

extension Date.VerbatimFormatStyle {
    /// `Tue, 24 Nov 2026 18:16:24 GMT`
    fileprivate static let http = Date.VerbatimFormatStyle(
        format: """
            \(weekday: .abbreviated), \(day: .twoDigits) \(month: .abbreviated) \(year: .defaultDigits) \
            \(hour: .twoDigits(clock: .twentyFourHour, hourCycle: .zeroBased)):\(minute: .twoDigits):\(second: .twoDigits) GMT
            """, locale: Locale(identifier: "en_US_POSIX"), timeZone: .gmt, calendar: Calendar(identifier: .gregorian))
}
