import Foundation
import NIOHTTP1
import Synchronization

/// The processes that have left a note of where they listen in the folder of the shop.
package final class Services: Sendable {
    private struct Count {
        let handled: Double
        let at: ContinuousClock.Instant
    }

    private let folder: String?
    private let counts = Mutex<[String: Count]>([:])

    private static let logTail: UInt64 = 64 * 1024
    private static let mostErrors = 3

    /// - Parameter folder: of the shop; nil when nobody has said where it is.
    package init(folder: String?) { self.folder = folder }

    package var isKnown: Bool { folder != nil }

    /// All of them, asked at once, by name.
    package func all() async -> [ServiceEntry] {
        await withTaskGroup(of: ServiceEntry.self) { group in
            for note in notes() { group.addTask { await self.ask(note) } }
            return await group.reduce(into: []) { $0.append($1) }.sorted { ($0.name, $0.pid) < ($1.name, $1.pid) }
        }
    }

    /// A ready-file tells the address and the number of a process, and is there for as long as it listens.
    private struct Note: Decodable {
        let pid: Int
        let address: String
    }

    private func notes() -> [ServiceEntry] {
        guard let folder, let names = try? FileManager.default.contentsOfDirectory(atPath: folder + "/run") else {
            return []
        }
        return names.filter { $0.hasSuffix(".json") }.compactMap { file in
            let path = "\(folder)/run/\(file)"
            guard let data = FileManager.default.contents(atPath: path),
                let note = try? JSONDecoder().decode(Note.self, from: data)
            else { return nil }
            let attributes = try? FileManager.default.attributesOfItem(atPath: path)
            return ServiceEntry(
                name: String(file.dropLast(5)), address: note.address, pid: note.pid,
                since: attributes?[.modificationDate] as? Date ?? .distantPast)
        }
    }

    private func ask(_ entry: ServiceEntry) async -> ServiceEntry {
        var entry = entry
        entry.errors = errors(of: entry.name)
        let address = ServiceAddress(entry.address)
        guard let health = await address.get("/health/ready") else { return entry }
        entry.troubles = Self.troubles(in: health)
        guard let metrics = await address.get("/metrics"), metrics.status == .ok else { return entry }
        let exposition = Exposition(metrics.body)
        entry.version = exposition.version
        entry.handled = exposition.handled
        entry.throughput = exposition.handled.flatMap { rate(of: entry, Double($0)) }
        return entry
    }

    private static func troubles(in health: ServiceAddress.Answer) -> [String: String] {
        struct Health: Decodable { let failures: [String: String]? }
        guard [.ok, .serviceUnavailable].contains(health.status) else {
            return ["health": "is not told here (\(health.status.code)): see OPERATIONS_FROM"]
        }
        return (try? JSONDecoder().decode(Health.self, from: Data(health.body.utf8)))?.failures ?? [:]
    }

    private func rate(of entry: ServiceEntry, _ handled: Double) -> Double? {
        counts.withLock { counts in
            let (key, now) = ("\(entry.name) \(entry.pid)", ContinuousClock.now)
            let before = counts[key]
            guard let before else {
                counts[key] = Count(handled: handled, at: now)
                return nil
            }
            let seconds = (now - before.at) / .seconds(1)
            guard seconds >= 1 else { return nil }
            counts[key] = Count(handled: handled, at: now)
            return max(0, handled - before.handled) / seconds
        }
    }

    private func errors(of name: String) -> [String] {
        guard let folder, let file = FileHandle(forReadingAtPath: "\(folder)/logs/\(name).log") else { return [] }
        defer { try? file.close() }
        let end = (try? file.seekToEnd()) ?? 0
        try? file.seek(toOffset: end > Self.logTail ? end - Self.logTail : 0)
        let text = (try? file.readToEnd()).map { String(decoding: $0, as: UTF8.self) } ?? ""
        let lines = text.split(separator: "\n").map { LogLine($0) }.filter(\.tellsOfTrouble)
        return lines.suffix(Self.mostErrors).reversed().map(\.text)
    }
}
