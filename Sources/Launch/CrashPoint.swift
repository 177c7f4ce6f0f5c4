import Foundation
import Logging
import MessageQueue
import Synchronization

/// Where a process kills itself, for failure drills: when its steps reach a phase for the nth time.
///
/// Written `before-commit:20`. `after-prepare` counts messages, the others count transactions.
public struct CrashPoint: SettingValue, Hashable {
    public static let expectation =
        "a phase and a count such as before-commit:20; the phases are "
        + StepPhase.allCases.map(\.rawValue).joined(separator: ", ")

    let phase: StepPhase
    let count: Int

    public init?(settingText text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, let phase = StepPhase(rawValue: parts[0]), let count = Int(parts[1]), count > 0 else {
            return nil
        }
        self.phase = phase
        self.count = count
    }

    public var settingText: String { "\(phase.rawValue):\(count)" }

    /// What a worker has to be given as `onPhase`.
    func crash(logger: Logger) -> @Sendable (StepPhase) -> Void {
        logger.warning("will kill itself", metadata: ["at": "\(settingText)"])
        let countdown = Countdown(from: count)
        return { [phase] reached in
            guard reached == phase, countdown.ends() else { return }
            logger.warning("kills itself", metadata: ["at": "\(settingText)"])
            kill(getpid(), SIGKILL)
        }
    }
}

private final class Countdown: Sendable {
    private let left: Atomic<Int>

    init(from count: Int) { left = Atomic(count) }

    func ends() -> Bool { left.subtract(1, ordering: .relaxed).newValue == 0 }
}
