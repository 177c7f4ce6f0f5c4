import Testing

@testable import MessageQueue

@Suite("How much a step takes on")
struct CapacityTests {
    @Test("a claim fills the slots of a step that are free, and what it did not fill is free again")
    func messages() async {
        let capacity = Capacity(messages: 10)
        #expect(await capacity.reserve() == 10)
        capacity.giveBack(unused: 7)
        #expect(await capacity.reserve() == 7)
        capacity.free(2)
        #expect(await capacity.reserve() == 2)
    }

    @Test("a claim that finds no free slot of a step waits until there is one")
    func waiting() async {
        let capacity = Capacity(batches: 1, of: 100)
        #expect(await capacity.reserve() == 100)
        async let next = capacity.reserve()
        capacity.free()
        #expect(await next == 100)
    }

    @Test("no claim is larger than its count of places allows")
    func most() async {
        #expect(await Capacity(messages: .max).reserve() == Broker.largestClaim)
        #expect(await Capacity(batches: 2, of: .max).reserve() == Broker.largestClaim)
    }
}
