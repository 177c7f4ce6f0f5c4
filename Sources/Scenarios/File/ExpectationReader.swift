/// Reads `expect`.
struct ExpectationReader {
    /// Nil when the file says nothing.
    let fields: Fields?

    init(_ fields: Fields?) { self.fields = fields }

    func expectations() -> Expectations {
        var all = Expectations()
        guard let fields else { return all }
        defer { fields.finish() }
        all.recovered = fields.duration("recovered")
        all.finished = fields.duration("finished")
        all.attempts = fields.count("attempts", in: 1...1000)
        if fields.has("dead") {
            all.dead = amount("dead", of: fields).map { Int($0.range.lowerBound)...Int($0.range.upperBound) }
        }
        all.accepted = amount("accepted", of: fields)
        all.delivered = amount("delivered", of: fields)
        all.failed = amount("failed", of: fields)
        if let latency = fields.part("latency") {
            all.latencyP50 = latency.duration("p50")
            all.latencyP99 = latency.duration("p99")
            latency.finish()
        }
        if let rejected = fields.part("rejected") {
            for reason in ["unknown-sku", "out-of-stock", "declined", "undeliverable"] {
                if let amount = amount(reason, of: rejected) { all.rejected[reason] = amount }
            }
            rejected.finish()
        }
        return all
    }

    private func amount(_ name: String, of fields: Fields) -> Expectations.Amount? {
        fields.read(name, as: "an amount: all, 20, 10..30, >=5, <=5, or a share such as >=95%") {
            Expectations.Amount(storyText: $0)
        }
    }
}

extension Expectations.Amount {
    /// Reads `all`, `20`, `10..30`, `>=5`, `<=5`, each of the numbers also in per cent.
    init?(storyText text: String) {
        if text == "all" {
            self.init(range: 1...1, unit: .share)
            return
        }
        let isShare = text.hasSuffix("%")
        let body = text.replacing("%", with: "")
        let most = Self.most
        let bounds: ClosedRange<Double>?
        if let number = body.dropping(">=") {
            bounds = number...most
        } else if let number = body.dropping("<=") {
            bounds = 0...number
        } else {
            let numbers = body.split(separator: "..").map { Self.number($0) }
            switch numbers.count {
            case 1: bounds = numbers[0].map { $0...$0 }
            case 2:
                guard let low = numbers[0], let high = numbers[1], low <= high else { return nil }
                bounds = low...high
            default: bounds = nil
            }
        }
        guard let bounds else { return nil }
        let scale = isShare ? 100.0 : 1
        self.init(
            range: (bounds.lowerBound / scale)...(bounds.upperBound / scale), unit: isShare ? .share : .orders)
    }

    private static let most = 1e12

    /// Never negative, and no more than anybody counts.
    fileprivate static func number(_ text: some StringProtocol) -> Double? {
        Double(text).flatMap { (0...most).contains($0) ? $0 : nil }
    }

    func holds(_ value: Int, of all: Int) -> Bool {
        range.contains(unit == .orders ? Double(value) : all == 0 ? 1 : Double(value) / Double(all))
    }

    var storyText: String {
        let (scale, sign) = unit == .share ? (100.0, "%") : (1.0, "")
        let (low, high) = (range.lowerBound * scale, range.upperBound * scale)
        if unit == .share, low == 100, high == 100 { return "all" }
        if low == high { return low.short + sign }
        if high >= 1e9 { return "at least \(low.short)\(sign)" }
        return low == 0 ? "at most \(high.short)\(sign)" : "\(low.short)\(sign) to \(high.short)\(sign)"
    }
}

extension String {
    /// The number that is left without this prefix.
    fileprivate func dropping(_ prefix: String) -> Double? {
        hasPrefix(prefix) ? Expectations.Amount.number(dropFirst(prefix.count)) : nil
    }
}
