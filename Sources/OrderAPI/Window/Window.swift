import Foundation
import HTTPTypes
import Hummingbird
import Launch
import NIOCore
import ShoeShop
import ShopHTTP

/// The shop in a browser: shelf, basket, and each order on its way. Works without JavaScript; with it, it is live.
///
/// Nothing is remembered here: the basket is a cookie, and what the order form was filled in with comes back with it.
struct Window: Sendable {
    let orders: OrderReader
    let hints: StockHints
    let desk: OrderDesk
    let reader: TimelineReader

    init(_ shop: Shop, _ desk: OrderDesk, _ reader: TimelineReader) {
        self.reader = reader
        orders = OrderReader(shop.database)
        hints = StockHints(shop.database)
        self.desk = desk
    }

    func add(to router: some RouterMethods<PeerRequestContext>) {
        router.get { _, _ in try await shelf() }
        router.get("basket") { request, _ in try await basket(Basket(of: request), .empty) }
        router.post("basket/lines") { request, _ in try await change(request) }
        router.post("checkout") { request, _ in try await checkout(request) }
        router.get("mine") { request, _ in try await mine(request) }
        router.post("mine/key") { request, _ in try await enter(request) }
        router.post("mine/forget") { request, _ in
            try FormFields.check(request)
            return Self.seeOther("/mine", [CustomerCookie.token.remove(for: request)])
        }
        router.get("stock") { _, _ in
            let hints = try await self.hints.current()
            return try JSONAnswer.response(Dictionary(uniqueKeysWithValues: hints.map { ($0.key.code, $0.value.text) }))
        }
        WindowAssets().add(to: router)
    }

    private func shelf() async throws -> Response {
        let (products, hints) = try await (orders.products(), self.hints.current())
        return WindowPage("Shoes", ShelfView(products, hints).html).response()
    }

    // MARK: Basket

    /// With the form as it was filled in, and what is wrong with it.
    private func basket(
        _ basket: Basket, _ form: CheckoutForm, _ errors: [FieldError] = [], note: String? = nil
    ) async throws -> Response {
        let (products, hints) = try await (orders.products(), self.hints.current())
        let view = BasketView(basket, products, hints, form, errors, note: note)
        let isGood = errors.isEmpty && note == nil
        return WindowPage("Basket", view.html).response(isGood ? .ok : .unprocessableContent)
    }

    private func change(_ request: Request) async throws -> Response {
        let fields = try await FormFields(of: request)
        var basket = Basket(of: request)
        let quantity = fields["quantity"].flatMap { Int($0) } ?? 1
        guard let code = fields["sku"], SKU(code).isWellFormed else { throw Problem(.badRequest, "Choose a size.") }
        if fields["set"] == nil { basket.add(SKU(code), quantity) } else { basket.set(SKU(code), to: quantity) }
        return Self.seeOther("/basket", [basket.cookie + request.secureMark])
    }

    // MARK: Ordering

    private func checkout(_ request: Request) async throws -> Response {
        let form = try CheckoutForm(try await FormFields(of: request, listing: ["line"]))
        guard let key = IdempotencyKey(form.key) else {
            return try await basket(
                form.basket, form.withFreshKey(),
                note: "Nothing was ordered yet: the form had lost its name on the way. Send it once more.")
        }
        let body = try form.document()
        let parsed = try OrderForm.read(body)
        guard let draft = parsed.draft else { return try await basket(form.basket, form, parsed.errors) }
        let known = try await FollowRoutes.customer(of: request, reader)
        let submitter = known.map(Submitter.known) ?? .showing(form.token)
        switch try await desk.submit(Submission(draft: draft, key: key, body: body, submitter: submitter)) {
        case .accepted(let id): return Self.ordered(form.basket, id, request, submitter.token)
        case .replayed(let id):
            // The answer may have been lost, or nobody waited for it: whoever ordered with this form is told all of it again.
            return Self.ordered(form.basket, id, request, try await reader.token(of: submitter, owning: id))
        case .conflict:
            return try await basket(
                form.basket, form.withFreshKey(),
                note: "This form had been sent before with something else in it, which was ordered then. "
                    + "Of what you see now nothing was ordered yet: send it once more if you want it as well.")
        }
    }

    /// On to the order's page, with what the browser keeps of whoever has become a customer with it, and with what is
    /// left in its basket: another of its tabs may have put something in.
    private static func ordered(
        _ ordered: Basket, _ id: OrderID, _ request: Request, _ token: CustomerToken?
    ) -> Response {
        let rest = Basket(of: request).without(ordered)
        let kept = token.map { token in
            [
                CustomerCookie.token.set(token.text, for: request),
                CustomerCookie.unshown.set(id.description, for: request),
            ]
        }
        return seeOther("/orders/\(id)", [rest.cookie + request.secureMark] + (kept ?? []))
    }

    // MARK: A customer's orders

    /// Whoever has ordered here, or has given their key, sees what became of it.
    private func mine(_ request: Request) async throws -> Response {
        guard let customer = try await FollowRoutes.customer(of: request, reader) else {
            return WindowPage("Your orders", KeyView.form()).response()
        }
        // Read first: what is told after this place may already be seen, and is never missed.
        let place = try await reader.lastPlace(of: customer)
        let orders = try await reader.orders(of: customer)
        let items = orders.map { order -> HTML in
            let id = order.id.description
            let placed = order.placedAt.formatted(.iso8601)
            return "<li><a href=\"/orders/\(id)\">\(placed)</a>: \(order.status)</li>"
        }
        let html: HTML = """
            <ul data-follow="/customers/me/events" data-place="\(place.description)" data-over="no" aria-live="polite">\(items)</ul>
            \(KeyView.forget)
            """
        return WindowPage("Your orders", html, looksAgain: true).response()
    }

    /// Another device of the same customer. Nobody is slowed down who tries: a key is too long to be guessed.
    private func enter(_ request: Request) async throws -> Response {
        let text = try await FormFields(of: request)["key"] ?? ""
        guard let token = CustomerToken(text.trimmingCharacters(in: .whitespacesAndNewlines)),
            try await reader.customer(with: token) != nil
        else {
            return WindowPage("Your orders", KeyView.form(isWrong: true)).response(.unprocessableContent)
        }
        return Self.seeOther("/mine", [CustomerCookie.token.set(token.text, for: request)])
    }

    private static func seeOther(_ path: String, _ cookies: [String]) -> Response {
        var response = Response(status: .seeOther, headers: [.location: path])
        for cookie in cookies { response.headers.append(HTTPField(name: .setCookie, value: cookie)) }
        return response
    }
}

/// The style, the script, and the pictures.
struct WindowAssets {
    func add(to router: some RouterMethods<PeerRequestContext>) {
        router.get("shop.css") { _, _ in Self.answer("text/css; charset=utf-8", PackageResources.shop_css) }
        router.get("shop.js") { _, _ in Self.answer("text/javascript; charset=utf-8", PackageResources.shop_js) }
        router.get("pictures/:name") { _, context in
            let parts = (context.parameters.get("name") ?? "").split(separator: ".", omittingEmptySubsequences: false)
            guard parts.count == 3, parts[2] == "svg", let picture = ShoePicture(model: parts[0], colour: parts[1])
            else {
                throw Problem(.notFound, "There is no such picture.")
            }
            return Self.answer("image/svg+xml", Array(picture.svg.utf8))
        }
    }

    private static func answer(_ type: String, _ bytes: [UInt8]) -> Response {
        Response(
            status: .ok, headers: [.contentType: type, .cacheControl: "max-age=3600"],
            body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}
