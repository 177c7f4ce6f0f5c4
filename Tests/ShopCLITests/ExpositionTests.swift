import Testing

@testable import ShopProcesses

@Suite("What a process says of itself in its metrics")
struct ExpositionTests {
    @Test("the deliveries of all queues are counted together, in whatever form their numbers are written")
    func counts() {
        let exposition = Exposition(
            """
            # TYPE mq_deliveries_total counter
            mq_build_info{version="0.1.0"} 1
            mq_deliveries_total{queue="a"} 40
            mq_deliveries_total{queue="b"} 2e0
            mq_deliveries_totals 7
            """)
        #expect(exposition.handled == 42 && exposition.version == "0.1.0")
        #expect(Exposition("").handled == nil)
    }

    @Test(
        "a number that no count can be is taken for none, whatever answers there",
        arguments: ["inf", "-inf", "nan", "1e300", "-1e300", "9223372036854775808", "many", ""])
    func noCount(number: String) {
        #expect(Exposition("mq_deliveries_total \(number)").handled == nil)
        #expect(
            Exposition("mq_deliveries_total{a=\"b\"} 1\nmq_deliveries_total{a=\"c\"} \(number)\n").handled ?? 1 == 1)
    }
}
