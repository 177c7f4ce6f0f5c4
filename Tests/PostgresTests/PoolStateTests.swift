import Testing

@testable import Postgres

@Suite("The pool's machine, through random histories")
struct PoolStateTests {
    /// The world around the machine: connections in use and being opened, and who waits.
    private struct World {
        var inUse: Set<Int> = []
        var opening = 0
        var waiting: [Int] = []
        var nextConnection = 0
        var nextWaiter = 0

        mutating func serve(_ waiter: Int) {
            #expect(waiting.removeFirst() == waiter, "first come, first served")
        }
    }

    @Test(
        "in random histories of a pool no connection is lent twice, none beyond the limit exists, and waiters are served in turn",
        arguments: 1...40)
    func histories(seed: UInt64) {
        var random = Dice(state: seed)
        let limit = Int.random(in: 1...4, using: &random)
        var state = PoolState<Int, Int>(limit: limit, waiterLimit: 5)
        var world = World()
        for _ in 0..<2000 {
            step(&state, &world, &random)
            #expect(state.count <= limit)
            #expect(state.count == world.inUse.count + world.opening + state.idleCount)
            #expect(state.waiterCount == world.waiting.count && state.waiterCount <= 5)
            #expect(
                world.waiting.isEmpty || state.idleCount == 0, "nobody waits beside an idle connection")
            #expect(world.waiting.isEmpty || state.count == limit, "nobody waits below the limit")
        }
        let (idle, waiters) = state.close()
        #expect(waiters == world.waiting && world.inUse.isDisjoint(with: idle))
        for connection in world.inUse {
            guard case .drop(connection) = state.release(connection) else {
                Issue.record("a closed pool keeps nothing")
                continue
            }
        }
        for _ in 0..<world.opening { _ = state.lose() }
        #expect(state.count == 0)
        if case .refuse(.closed) = state.lease() {} else { Issue.record("a closed pool lends nothing") }
    }

    private func step(_ state: inout PoolState<Int, Int>, _ world: inout World, _ random: inout Dice) {
        switch Int.random(in: 0..<7, using: &random) {
        case 0, 1: lease(&state, &world)
        case 2:
            guard let connection = world.inUse.randomElement(using: &random) else { return }
            world.inUse.remove(connection)
            hand(state.release(connection), &world)
        case 3:
            guard let connection = world.inUse.randomElement(using: &random) else { return }
            world.inUse.remove(connection)
            hand(state.lose(), &world)
        case 4:
            guard world.opening > 0 else { return }
            world.opening -= 1
            if Bool.random(using: &random) { take(&world) } else { hand(state.lose(), &world) }
        case 5:
            guard let waiter = world.waiting.randomElement(using: &random) else { return }
            #expect(state.abandon(id: waiter) == waiter)
            #expect(state.abandon(id: waiter) == nil, "a waiter is answered once")
            world.waiting.removeAll { $0 == waiter }
        default: state.removeIdle { $0.isMultiple(of: 3) }
        }
    }

    private func lease(_ state: inout PoolState<Int, Int>, _ world: inout World) {
        switch state.lease() {
        case .use(let connection): #expect(world.inUse.insert(connection).inserted)
        case .open: world.opening += 1
        case .refuse(let refusal): #expect(refusal == .tooManyWaiting && world.waiting.count == 5)
        case .wait:
            world.nextWaiter += 1
            let waiter = world.nextWaiter
            world.waiting.append(waiter)
            if let handover = state.enqueue(waiter, id: waiter) { hand(handover, &world) }
        }
    }

    private func hand(_ handover: PoolState<Int, Int>.Handover, _ world: inout World) {
        switch handover {
        case .give(let connection, let waiter):
            world.serve(waiter)
            #expect(world.inUse.insert(connection).inserted)
        case .open(let waiter):
            world.serve(waiter)
            world.opening += 1
        case .keep, .drop: break
        }
    }

    private func take(_ world: inout World) {
        world.nextConnection += 1
        world.inUse.insert(world.nextConnection)
    }
}

/// SplitMix64: the same history for the same seed.
private struct Dice: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
