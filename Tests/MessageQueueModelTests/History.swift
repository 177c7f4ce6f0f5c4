/// Numbers that follow from a seed (SplitMix64).
struct Dice: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var bits = state
        bits = (bits ^ bits >> 30) &* 0xbf58_476d_1ce4_e5b9
        bits = (bits ^ bits >> 27) &* 0x94d0_49bb_1331_11eb
        return bits ^ bits >> 31
    }
}

/// One turn of the scheduler. Any sequence of moves can be run: what makes no sense where it stands is passed over, so
/// that a failing history can be shortened by leaving moves out.
struct Move: Sendable {
    enum Action: Sendable {
        /// An idle client begins a command; one that is in the middle of a command takes so many steps, each one statement.
        case go(steps: Int)
        case rollBack
        /// The client's server process is terminated where it stands, or while it commits.
        case kill, killAtCommit
        /// All that is scheduled becomes due; all leases with an end have ended; a rate allows one more.
        case scheduledComeDue, leasesEnd, paceGoesOn
        /// Some of what waits is past its queue's retention, where it has one.
        case messagesAge
    }

    let client: Int
    let action: Action
    let command: Kind
    /// Whatever the command has to choose is chosen by these.
    let seed: UInt64

    enum Kind: CaseIterable, Sendable {
        case send, sendOnce, publish, publishLater, sendUnderName, publishUnderName, produce, schedule,
            cancelScheduled, reschedule, hasten, hastenRetrying, cancelChosen, prepareHalf, commitHalf,
            rollbackHalf, checkHalves, receive, receiveByHand, peek, finish,
            extend, rescue, rescueLost, promote
        case acknowledge, changeVisibility, discardOutdated, pause, resume, redrive, purge, purgeWaiting,
            changeQueue, changeSubscription, unsubscribe, deleteQueue, createQueue, retryBlocked, skipBlocked, retire,
            openPlaces, statistics

        /// How often, of all.
        fileprivate var weight: Int {
            switch self {
            case .finish: 26
            case .receive: 20
            case .send: 14
            case .promote: 10
            case .publish, .rescue, .statistics: 6
            case .rescueLost, .redrive, .extend, .openPlaces: 5
            case .sendOnce, .produce, .receiveByHand, .acknowledge, .changeVisibility, .resume, .retryBlocked,
                .prepareHalf, .commitHalf, .sendUnderName, .publishUnderName, .createQueue:
                4
            case .skipBlocked, .schedule, .cancelScheduled, .reschedule, .purgeWaiting, .peek: 3
            case .hasten, .hastenRetrying, .cancelChosen, .pause, .purge, .retire, .discardOutdated, .rollbackHalf,
                .checkHalves, .changeQueue, .changeSubscription, .deleteQueue, .publishLater:
                2
            case .unsubscribe: 1
            }
        }

        fileprivate static let drawn: [Kind] = allCases.flatMap { Array(repeating: $0, count: $0.weight) }
    }
}

/// The moves that follow from a seed.
struct History: Sendable {
    let seed: UInt64
    var moves: [Move]

    static let clients = 4

    init(seed: UInt64, length: Int = 60) {
        self.seed = seed
        var dice = Dice(seed)
        moves = (0..<length).map { _ in Move(&dice) }
    }
}

extension Move {
    fileprivate init(_ dice: inout Dice) {
        client = Int.random(in: 0..<History.clients, using: &dice)
        action =
            switch Int.random(in: 0..<1000, using: &dice) {
            case 0..<40: .rollBack
            case 40..<45: .kill
            case 45..<50: .killAtCommit
            case 50..<90: .scheduledComeDue
            case 90..<120: .leasesEnd
            case 120..<150: .paceGoesOn
            case 150..<165: .messagesAge
            case 165..<600: .go(steps: Int.random(in: 0...2, using: &dice))
            default: .go(steps: 20)
            }
        command = Kind.drawn.randomElement(using: &dice) ?? .send
        seed = dice.next()
    }
}
