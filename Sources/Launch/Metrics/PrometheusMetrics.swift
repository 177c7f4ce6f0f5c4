public import CoreMetrics
import Logging
import Synchronization

/// Metrics in the Prometheus text format (version 0.0.4).
///
/// Names: characters that Prometheus refuses become `_`; counters end in `_total`, timers in `_seconds`.
/// Dimensions become labels. The registry's lock is taken when an instrument is made, destroyed or rendered, never
/// when a value is recorded. Instruments of the same name and dimensions are one series.
public final class PrometheusMetrics: MetricsFactory, Sendable {
    private struct Family {
        let kind: Kind
        var series: [Labels: any Instrument] = [:]
    }

    private let families = Mutex<[String: Family]>([:])

    public init() {}

    /// Everything recorded so far, sorted by name and labels.
    public func exposition() -> String {
        let families = families.withLock { $0 }
        var text = ""
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            text += "# TYPE \(name) \(family.kind.rawValue)\n"
            for (labels, instrument) in family.series.sorted(by: { $0.key < $1.key }) {
                instrument.render(name, labels, into: &text)
            }
        }
        return text
    }

    /// The series of that name and dimensions; made by `make` the first time.
    ///
    /// A name can have one kind only: an instrument of another kind works, but is not exposed.
    func instrument<I: Instrument>(
        _ name: String, _ dimensions: [(String, String)], _ kind: Kind, _ make: () -> I
    ) -> I {
        let labels = Labels(dimensions)
        return families.withLock { families in
            guard families[name, default: Family(kind: kind)].kind == kind else { return make() }
            if let known = families[name]?.series[labels] as? I { return known }
            let new = make()
            families[name, default: Family(kind: kind)].series[labels] = new
            return new
        }
    }

    func remove(_ handler: AnyObject) {
        families.withLock { families in
            for (name, family) in families {
                guard let labels = family.series.first(where: { $0.value === handler })?.key else { continue }
                families[name]?.series[labels] = nil
                if families[name]?.series.isEmpty == true { families[name] = nil }
                return
            }
        }
    }
}

enum Kind: String { case counter, gauge, histogram }

/// Something that holds values and can write them down.
protocol Instrument: AnyObject, Sendable {
    func render(_ name: String, _ labels: Labels, into text: inout String)
}
