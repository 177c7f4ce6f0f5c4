import Foundation
import Subprocess
import Testing

@testable import Scenarios

#if canImport(System)
    import System
#else
    import SystemPackage
#endif

@Suite("reports in a real browser")
struct ReportBrowserTests {
    static let browser = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    /// Listens before the page's own script runs.
    private static let listener = """
        <script>
        const complaints = [];
        window.addEventListener("error", event => complaints.push(event.message));
        document.addEventListener("securitypolicyviolation", event => complaints.push(event.blockedURI));
        </script>
        """

    /// Points at the middle of the first chart, and writes down what came of it.
    private static let probe = """
        <script>
        const box = document.querySelector("svg.chart").getBoundingClientRect();
        const middle = {clientX: box.left + box.width / 2, clientY: box.top + box.height / 2};
        document.querySelector("svg.chart").dispatchEvent(new PointerEvent("pointermove", middle));
        const requests = performance.getEntriesByType("resource").map(entry => entry.name);
        const isTooWide = document.documentElement.scrollWidth > document.documentElement.clientWidth;
        const result = document.createElement("pre");
        result.id = "probe";
        result.textContent = JSON.stringify({
          complaints: complaints, requests: requests, script: document.documentElement.dataset.script,
          readout: document.querySelector(".readout").textContent, isTooWide: isTooWide,
        });
        document.body.replaceChildren(result);
        </script>
        """

    private struct Result: Decodable {
        let complaints, requests: [String]
        let script, readout: String
        let isTooWide: Bool
    }

    @Test(
        "the script reads out values without an error, nothing is asked of a network, and nothing is wider than the page",
        .enabled(if: browser != nil), .timeLimit(.minutes(10)), arguments: [500, 1280])
    func script(width: Int) async throws {
        let comparison = Comparison(coupled: MadeUpRun.record(shop: .coupled), decoupled: MadeUpRun.record())
        let html = try ScenarioReport(comparison).html()
            .replacing("<head>", with: "<head>" + Self.listener).replacing("</body>", with: Self.probe + "</body>")
        let result = try await Self.open(html, width: width)
        #expect(result.script == "ready" && result.complaints.isEmpty && result.requests.isEmpty, "\(result)")
        // At 29.76 s, for the plot begins 54 units from the left and is 572 of 640 wide; the nearest sample is of 29.75 s.
        #expect(result.readout == "29.8 saccepted 300delivered 300failed 295", "\(result)")
        #expect(!result.isTooWide)
    }

    private static func open(_ html: String, width: Int) async throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appending(path: "report-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let page = folder.appending(path: "report.html")
        try Data(html.utf8).write(to: page)
        let browser = try #require(Self.browser)
        let run = try await Subprocess.run(
            .path(FilePath(browser)),
            arguments: [
                "--headless", "--no-sandbox", "--disable-gpu", "--window-size=\(width),1000",
                "--user-data-dir=\(folder.path)/profile", "--dump-dom", page.absoluteString,
            ], output: .string(limit: 4_000_000), error: .discarded)
        let dom = run.standardOutput
        let json = try #require(dom.firstMatch(of: /<pre id="probe">(.*?)<\/pre>/)?.output.1, "\(dom)")
        return try JSONDecoder().decode(Result.self, from: Data(String(json).utf8))
    }
}
