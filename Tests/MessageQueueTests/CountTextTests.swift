import MessageQueue
import Testing

@Suite("Numbers of things as they are read")
struct CountTextTests {
    @Test("one thing is told as one, and any other number as several")
    func counts() {
        #expect(CountText(1, "dead letter").description == "1 dead letter")
        for count in [0, 2, 1000] { #expect(CountText(count, "key").description == "\(count) keys") }
    }
}
