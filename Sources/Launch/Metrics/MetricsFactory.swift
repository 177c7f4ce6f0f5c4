public import CoreMetrics

extension PrometheusMetrics {
    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        instrument(metricName(label, suffix: "_total"), dimensions, .counter) { WholeCounter() }
    }

    public func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        instrument(metricName(label, suffix: "_total"), dimensions, .counter) { FractionalCounter() }
    }

    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        instrument(metricName(label), dimensions, .gauge) { Level() }
    }

    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        let name = metricName(label)
        guard aggregate else { return instrument(name, dimensions, .gauge) { Level() } }
        let bounds = name.hasSuffix("_seconds") ? Histogram.seconds : Histogram.counts
        return instrument(name, dimensions, .histogram) { Histogram(bounds: bounds) }
    }

    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        instrument(metricName(label, suffix: "_seconds"), dimensions, .histogram) {
            Histogram(bounds: Histogram.seconds)
        }
    }

    public func destroyCounter(_ handler: any CounterHandler) { remove(handler) }
    public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { remove(handler) }
    public func destroyMeter(_ handler: any MeterHandler) { remove(handler) }
    public func destroyRecorder(_ handler: any RecorderHandler) { remove(handler) }
    public func destroyTimer(_ handler: any TimerHandler) { remove(handler) }
}

/// The label with all but letters, digits, `_` and `:` made `_`, and the suffix that its kind asks for.
func metricName(_ label: String, suffix: String = "") -> String {
    var name = String(label.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == ":") ? $0 : "_" })
    if name.first?.isNumber ?? true { name = "_" + name }
    return name.hasSuffix(suffix) ? name : name + suffix
}
