import ShoeShop

/// A customer's token as people read of it: their key.
enum KeyView {
    /// On the page of the order that made a customer of them. Without JavaScript this page does not look anew by itself: the key
    /// would be gone.
    static func shown(_ token: CustomerToken, on order: OrderID) -> HTML {
        """
        <section class="key" aria-labelledby="key"><h2 id="key">Your key</h2>
        <p><code>\(token.text)</code></p>
        <p>With it you see your orders on another device, and here once this browser has forgotten you: give it under
        <a href="/mine">Your orders</a>. Keep it as you keep a password: it is shown this once.</p>
        <p><a href="/orders/\(order.description)">I have kept it</a></p></section>

        """
    }

    /// For a browser that knows of no customer.
    static func form(isWrong: Bool = false) -> HTML {
        let state: HTML = isWrong ? "aria-invalid=\"true\" aria-describedby=\"wrong-key\"" : ""
        let wrong: HTML = isWrong ? "<span class=\"wrong\" id=\"wrong-key\">is nobody's key</span>" : ""
        return """
            <p>This browser knows of no orders of yours.</p>
            <form method="post" action="/mine/key" class="key">
            <p>Have you ordered before, on another device perhaps? Your key was shown with your first order.</p>
            <label><span>Your key</span>\
            <input type="password" name="key" autocomplete="current-password" required \(state)>\(wrong)</label>
            <button>Show my orders</button></form>

            """
    }

    static var forget: HTML {
        """
        <form method="post" action="/mine/forget" class="key"><p>On a device of others, have this browser forget you. Only with
        your key does it show your orders again.</p>
        <button class="quiet">Forget me here</button></form>

        """
    }
}
