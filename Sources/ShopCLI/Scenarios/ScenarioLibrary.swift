import ArgumentParser
import Foundation
import Scenarios
import Terminal

/// The folder of scenario files.
struct ScenarioLibrary: ParsableArguments {
    @Option(name: .customLong("scenarios"), help: "The folder of scenario files.")
    var folder = "Scenarios"

    /// All files, by name.
    ///
    /// - Throws: `ValidationError` when there are none.
    func files() throws -> [URL] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let files = names.filter { $0.hasSuffix(".yaml") }.sorted().map { URL(filePath: folder).appending(path: $0) }
        guard !files.isEmpty else {
            throw ValidationError(
                "There are no scenarios in \(folder). Run this in the project's folder, or say where: --scenarios FOLDER."
            )
        }
        return files
    }

    /// A file by its path or, in the folder, by its name; `all` means every one of the folder.
    func files(named name: String) throws -> [URL] {
        if name == "all" { return try files() }
        if name.hasSuffix(".yaml") { return [URL(filePath: name)] }
        let all = try files()
        guard let file = all.first(where: { $0.deletingPathExtension().lastPathComponent == name }) else {
            let known = all.map { $0.deletingPathExtension().lastPathComponent }.joined(separator: ", ")
            throw ValidationError("There is no scenario \(name). There are: \(known).")
        }
        return [file]
    }
}

struct ScenarioList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists the scenarios, and what each teaches.")

    @OptionGroup var library: ScenarioLibrary
    @OptionGroup var output: Output

    private struct Line: Encodable {
        let scenario: String
        let teaches: String
    }

    func run() async throws {
        let lines = try library.files().map { file in
            let scenario = try Scenario(file: file)
            return Line(scenario: scenario.name, teaches: scenario.teaches)
        }
        let width = lines.map(\.scenario.displayWidth).max() ?? 0
        let rows = lines.flatMap { line in
            Self.wrapped(line.teaches, to: Table.width - width - 2).enumerated().map { number, part in
                [number == 0 ? line.scenario : "", part]
            }
        }
        try output.show(lines) { Table([.text("SCENARIO"), .text("TEACHES")], rows: rows) }
    }

    /// Lines of whole words.
    private static func wrapped(_ text: String, to width: Int) -> [String] {
        text.split(separator: " ").reduce(into: [""]) { lines, word in
            let line = lines[lines.count - 1]
            if line.isEmpty {
                lines[lines.count - 1] = String(word)
            } else if line.displayWidth + String(word).displayWidth < width {
                lines[lines.count - 1] = "\(line) \(word)"
            } else {
                lines.append(String(word))
            }
        }
    }
}

struct ScenarioCheck: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Reads scenario files, and names line and field of what is wrong.",
        discussion: "Exit status 1 when something is.")

    @Argument(help: "Names or files; none means all.")
    var names: [String] = []
    @OptionGroup var library: ScenarioLibrary
    @OptionGroup var output: Output

    private struct Report: Encodable {
        let file: String
        let problems: [String]
    }

    func run() async throws {
        let files = try names.isEmpty ? library.files() : names.flatMap { try library.files(named: $0) }
        let reports = try files.map { file in
            do {
                _ = try Scenario(file: file)
                return Report(file: file.lastPathComponent, problems: [])
            } catch let error as ScenarioFileError {
                return Report(file: file.lastPathComponent, problems: error.problems.map(\.description))
            }
        }
        let lines = reports.flatMap { report in
            report.problems.isEmpty
                ? ["\(report.file): good"] : report.problems.map { "\(report.file): \($0)" }
        }
        try output.show(reports, text: lines.joined(separator: "\n"))
        if reports.contains(where: { !$0.problems.isEmpty }) { throw ExitCode.failure }
    }
}
