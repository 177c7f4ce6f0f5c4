import ShoeShop

/// What is for sale: a card for each model and colour, with its sizes and how well each is stocked.
struct ShelfView {
    private let models: [[Product]]
    private let hints: [SKU: StockHint]

    init(_ products: [Product], _ hints: [SKU: StockHint]) {
        self.hints = hints
        let groups = Dictionary(grouping: products) { "\($0.name) \($0.colour)" }
        models = groups.sorted { $0.key < $1.key }.map { $0.value.sorted { $0.size < $1.size } }
    }

    var html: HTML { "<ul class=\"shelf\">\(models.map(card))</ul>" }

    private func card(_ sizes: [Product]) -> HTML {
        guard let first = sizes.first else { return "" }
        let model = first.sku.code.split(separator: "-").first.map(String.init) ?? ""
        let picture = "/pictures/\(model).\(first.colour).svg"
        return """
            <li class="card"><img src="\(picture)" alt="" width="240" height="140" loading="lazy">
            <h2>\(first.name)</h2><p class="colour">\(first.colour)</p><p class="price">\(first.price.description)</p>
            <form method="post" action="/basket/lines">
            <label><span>Size of \(first.name), \(first.colour)</span><select name="sku">\(sizes.map(option))</select></label>
            <button>Into the basket</button></form></li>

            """
    }

    private func option(_ product: Product) -> HTML {
        let hint = hints[product.sku] ?? .soldOut
        let code = product.sku.code
        let text = "\(product.size) · \(hint.text)"
        return hint == .soldOut
            ? "<option value=\"\(code)\" data-size=\"\(product.size.description)\" disabled>\(text)</option>"
            : "<option value=\"\(code)\" data-size=\"\(product.size.description)\">\(text)</option>"
    }
}
