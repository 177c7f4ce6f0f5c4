import ShoeShop

/// The basket, and the form that makes an order of it, with the API's own errors beside its fields.
struct BasketView {
    private let basket: Basket
    private let products: [SKU: Product]
    private let hints: [SKU: StockHint]
    private let form: CheckoutForm
    private let errors: [FieldError]
    /// What else there is to say first.
    private let note: String?

    private static let cards = [
        ("tok_visa_window", "Visa"), ("tok_mastercard_window", "Mastercard"),
        ("tok_declined", "A card that will be declined"),
    ]

    init(
        _ basket: Basket, _ products: [Product], _ hints: [SKU: StockHint], _ form: CheckoutForm,
        _ errors: [FieldError], note: String?
    ) {
        self.basket = basket
        self.products = Dictionary(products.map { ($0.sku, $0) }) { first, _ in first }
        self.hints = hints
        self.form = form
        self.errors = errors
        self.note = note
    }

    var html: HTML {
        guard !basket.lines.isEmpty else {
            return "\(alert)<p>Your basket is empty. <a href=\"/\">To the shoes</a></p>"
        }
        return "\(alert)\(table)\(checkout)"
    }

    private var alert: HTML {
        guard !errors.isEmpty else {
            return note.map { "<p class=\"alert\" role=\"alert\">\($0)</p>" } ?? ""
        }
        let known = Set(CheckoutForm.fields.map(\.pointer) + ["/paymentToken"])
        let others = errors.filter { !known.contains($0.pointer) }.map { "<br>\($0.pointer) \($0.detail)" as HTML }
        return "<p class=\"alert\" role=\"alert\">Nothing was ordered yet: see below.\(others)</p>"
    }

    private var table: HTML {
        let total = basket.lines.reduce(Money.zero) { sum, line in
            sum + (products[line.sku]?.price ?? .zero) * line.quantity
        }
        return """
            <div class="scroll"><table><caption>What you chose</caption>
            <thead><tr><th scope="col">Shoe</th><th scope="col">Size</th><th scope="col">Price</th><th scope="col">Pairs</th>
            <th scope="col">Stock</th></tr></thead><tbody>\(basket.lines.map(row))</tbody>
            <tfoot><tr><th scope="row" colspan="2">Total</th><td colspan="3">\(total.description)</td></tr></tfoot></table></div>

            """
    }

    private func row(_ line: OrderLine) -> HTML {
        let product = products[line.sku]
        let name = product.map { "\($0.name), \($0.colour)" } ?? line.sku.code
        return """
            <tr><td data-label="Shoe">\(name)</td><td data-label="Size">\(product?.size.description ?? "–")</td>
            <td data-label="Price">\(product?.price.description ?? "not for sale")</td>
            <td data-label="Pairs"><form method="post" action="/basket/lines" class="row">\
            <input type="hidden" name="set" value="yes">\
            <input type="hidden" name="sku" value="\(line.sku.code)">\
            <input type="number" name="quantity" min="0" max="20" value="\(line.quantity.description)" aria-label="Pairs of \(name)">\
            <button class="quiet">Change</button></form></td>
            <td data-label="Stock" data-stock="\(line.sku.code)">\((hints[line.sku] ?? .soldOut).text)</td></tr>

            """
    }

    private var checkout: HTML {
        """
        <form method="post" action="/checkout" class="checkout">
        <h2>Where to</h2>
        <input type="hidden" name="key" value="\(form.key)"><input type="hidden" name="token" value="\(form.token.text)">
        \(basket.lines.map { "<input type=\"hidden\" name=\"line\" value=\"\(Basket.text(of: $0))\">" as HTML })
        \(CheckoutForm.fields.map(field))<label><span>Pay with</span><select name="card">\(Self.cards.map(card))</select>\
        \(wrong("/paymentToken", id: "card"))</label>
        <button>Order, and pay</button>
        </form>

        """
    }

    private func field(_ field: (name: String, label: String, pointer: String, autocomplete: String)) -> HTML {
        let isWrong = errors.contains { $0.pointer == field.pointer }
        let state: HTML = isWrong ? "aria-invalid=\"true\" aria-describedby=\"wrong-\(field.name)\"" : ""
        return """
            <label><span>\(field.label)</span>\
            <input name="\(field.name)" value="\(form[field.name])" autocomplete="\(field.autocomplete)" \(state)>\
            \(wrong(field.pointer, id: field.name))</label>

            """
    }

    private func wrong(_ pointer: String, id: String) -> HTML {
        guard let error = errors.first(where: { $0.pointer == pointer }) else { return "" }
        return "<span class=\"wrong\" id=\"wrong-\(id)\">\(error.detail)</span>"
    }

    private func card(_ card: (String, String)) -> HTML {
        form["card"] == card.0
            ? "<option value=\"\(card.0)\" selected>\(card.1)</option>"
            : "<option value=\"\(card.0)\">\(card.1)</option>"
    }
}
