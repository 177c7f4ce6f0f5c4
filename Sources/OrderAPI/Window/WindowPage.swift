import HTTPTypes
import Hummingbird
import ShoeShop

/// The frame of the shop's pages.
struct WindowPage {
    private let title: String
    private let content: HTML
    /// Whether a browser without JavaScript asks again by itself.
    private let looksAgain: Bool

    /// In seconds. Long enough to reach a button with the keyboard or by ear: what has the focus loses it with every reload.
    private static let pause = 30

    init(_ title: String, _ content: HTML, looksAgain: Bool = false) {
        self.title = title
        self.content = content
        self.looksAgain = looksAgain
    }

    func response(_ status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status,
            headers: [
                .contentType: "text/html; charset=utf-8", .vary: "Accept", .cacheControl: "no-store",
                .contentSecurityPolicy: Self.policy,
            ], body: .init(byteBuffer: ByteBuffer(string: html.text)))
    }

    private static let policy =
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
        + "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

    private var html: HTML {
        """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>\(title) · Shoe shop</title>
        <link rel="icon" href="/pictures/RUNNER.tan.svg" type="image/svg+xml">
        <link rel="stylesheet" href="/shop.css">
        <script src="/shop.js" defer></script>
        \(refresh)</head>
        <body>
        <header><a class="skip" href="#main">Skip to the content</a><a class="brand" href="/">Shoe shop</a>
        <nav aria-label="Shop"><a href="/">Shoes</a> <a href="/basket">Basket</a> <a href="/mine">Your orders</a></nav></header>
        <main id="main"><h1>\(title)</h1>
        \(link)\(content)</main>
        <footer>Every order is a message, and so is everything that becomes of it.</footer>
        </body>
        </html>

        """
    }

    private var refresh: HTML {
        guard looksAgain else { return "" }
        return "<noscript><meta http-equiv=\"refresh\" content=\"\(Self.pause.description)\"></noscript>\n"
    }

    /// For whoever doesn't want to wait for that.
    private var link: HTML { looksAgain ? "<noscript><p><a href=\"\">Look again</a></p></noscript>\n" : "" }
}
