import Foundation

/// The machine that everything runs on.
public enum Machine {
    public static var description: String {
        let info = ProcessInfo.processInfo
        let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        let model = text.split(separator: "\n").first { $0.hasPrefix("model name") }?.split(separator: ":").last
        return "\(info.activeProcessorCount) cores\(model.map { " of\($0)" } ?? ""), \(info.physicalMemory >> 30) GiB, "
            + info.operatingSystemVersionString
    }
}
