import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import PortReservation
import TestSupport
import Testing

/// Debian's Chromium, driven through its driver (W3C WebDriver).
struct Browser: Sendable {
    private let session: String

    struct Refused: Error, CustomStringConvertible {
        let description: String
    }

    /// Lends a browser of its own, with nothing remembered.
    static func with(_ body: @escaping @Sendable (Browser) async throws -> Void) async throws {
        let port = try freePort()
        try await TestProcess.withProgram("/usr/bin/chromedriver", ["--port=\(port)", "--silent"]) {
            let driver = "http://127.0.0.1:\(port)"
            try await eventually("the driver listens") {
                (try? await send(.GET, driver + "/status", nil)).map { _ in () }
            }
            let arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
            let wanted: [String: Any] = [
                "alwaysMatch": ["browserName": "chrome", "goog:chromeOptions": ["args": arguments]]
            ]
            let answer = try await send(.POST, driver + "/session", ["capabilities": wanted])
            let id = try #require((answer["value"] as? [String: Any])?["sessionId"] as? String)
            let browser = Browser(session: "\(driver)/session/\(id)")
            do { try await body(browser) } catch {
                _ = try? await send(.DELETE, browser.session, nil)
                throw error
            }
            _ = try? await send(.DELETE, browser.session, nil)
        }
    }

    /// One that nobody listens on just now.
    private static func freePort() throws -> Int {
        let reserved = try ReservedPort(host: "127.0.0.1", port: 0)
        return reserved.address.port ?? 0
    }

    func open(_ address: String) async throws { _ = try await call(.POST, "/url", ["url": address]) }

    var address: String { get async throws { try await call(.GET, "/url", nil) as? String ?? "" } }

    /// The tab that is looked at.
    var tab: String { get async throws { try await call(.GET, "/window", nil) as? String ?? "" } }

    /// Opens another tab, and looks at it.
    func openTab() async throws {
        let opened = try await call(.POST, "/window/new", ["type": "tab"]) as? [String: String]
        try await show(tab: try #require(opened?["handle"]))
    }

    /// Looks at another tab: the one before is hidden.
    func show(tab: String) async throws {
        _ = try await call(.POST, "/window", ["handle": tab])
        try await develop("Page.bringToFront", [:])
    }

    /// What takes longer to load is an error.
    func limitLoads(toSeconds seconds: Int) async throws {
        _ = try await call(.POST, "/timeouts", ["pageLoad": seconds * 1000])
    }

    /// Of the page, as it is read.
    func text(_ selector: String = "body") async throws -> String {
        try await script("return document.querySelector(arguments[0])?.innerText ?? ''", selector) as? String ?? ""
    }

    /// Waits until the page says something.
    func sees(_ text: String, in selector: String = "body") async throws {
        try await eventually("the page says \"\(text)\"") { try await self.text(selector).contains(text) ? () : nil }
    }

    func click(_ selector: String) async throws { try await press("css selector", selector) }

    func follow(_ link: String) async throws { try await press("partial link text", link) }

    /// A live page may have put another element in its place between the two calls: then that one is meant.
    private func press(_ strategy: String, _ value: String) async throws {
        try await eventually("\(value) is clicked") {
            do {
                _ = try await call(.POST, "/element/\(try await element(strategy, value))/click", [:])
                return ()
            } catch let refusal as Refused where refusal.description.contains("stale element reference") {
                return nil
            }
        }
    }

    func fill(_ selector: String, _ text: String) async throws {
        let element = try await element("css selector", selector)
        _ = try await call(.POST, "/element/\(element)/clear", [:])
        _ = try await call(.POST, "/element/\(element)/value", ["text": text])
    }

    func script(_ source: String, _ arguments: String...) async throws -> Any? {
        try await call(.POST, "/execute/sync", ["script": source, "args": arguments])
    }

    /// As ``script(_:_:)``, for one that ends by calling its last argument.
    func asynchronous(_ source: String) async throws -> Any? {
        try await call(.POST, "/execute/async", ["script": source, "args": []])
    }

    func look(dark: Bool, width: Int) async throws {
        let scheme = ["name": "prefers-color-scheme", "value": dark ? "dark" : "light"]
        try await develop("Emulation.setEmulatedMedia", ["features": [scheme]])
        try await develop(
            "Emulation.setDeviceMetricsOverride",
            ["width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false])
    }

    /// What the page would be like without scripts.
    func forbidScripts(_ isForbidden: Bool) async throws {
        try await develop("Emulation.setScriptExecutionDisabled", ["value": isForbidden])
    }

    private func develop(_ command: String, _ parameters: [String: Any]) async throws {
        _ = try await call(.POST, "/goog/cdp/execute", ["cmd": command, "params": parameters])
    }

    private func element(_ strategy: String, _ value: String) async throws -> String {
        let found = try await call(.POST, "/element", ["using": strategy, "value": value]) as? [String: String]
        return try #require(found?.values.first)
    }

    private func call(_ method: HTTPMethod, _ path: String, _ body: [String: Any]?) async throws -> Any? {
        let value = try await Self.send(method, session + path, body)["value"]
        return value is NSNull ? nil : value
    }

    private static func send(
        _ method: HTTPMethod, _ address: String, _ body: [String: Any]?
    ) async throws -> [String: Any] {
        var request = HTTPClientRequest(url: address)
        request.method = method
        if let body {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: try JSONSerialization.data(withJSONObject: body)))
        }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(120))
        let bytes = try await response.body.collect(upTo: 1 << 26)
        guard response.status == .ok else { throw Refused(description: "\(address): \(String(buffer: bytes))") }
        return try JSONSerialization.jsonObject(with: Data(bytes.readableBytesView)) as? [String: Any] ?? [:]
    }
}
