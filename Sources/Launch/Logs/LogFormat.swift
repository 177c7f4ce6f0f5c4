/// How a line of the log is written.
public enum LogFormat: String, SettingValue, CaseIterable {
    /// `2026-11-27T16:03:11.042Z info stock-worker: reserved order=… lines=3`
    case readable
    /// One JSON object per line: `time`, `level`, `label`, `message`, and the metadata under `metadata`.
    case json
}
