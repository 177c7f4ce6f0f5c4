import Subprocess

#if canImport(System)
    import System
#else
    import SystemPackage
#endif

/// Runs a command to its end and answers what it printed, errors included.
func execute(_ command: [String], as account: ServerAccount? = nil, in folder: String, input: String = "") async throws
    -> (isSuccess: Bool, output: String)
{
    let words = account?.wrapping(command) ?? command
    let result = try await run(
        .at(words[0]),
        arguments: Arguments(Array(words.dropFirst())),
        environment: .inherit.updating(["LC_ALL": "C", "PGDATA": nil, "PGPORT": nil]),
        workingDirectory: FilePath(folder),
        input: .string(input),
        output: .string(limit: 1 << 20),
        error: .combinedWithOutput)
    return (result.terminationStatus.isSuccess, result.standardOutput)
}

extension Executable {
    /// A path, or a name to be looked up in PATH.
    static func at(_ word: String) -> Executable { word.contains("/") ? .path(FilePath(word)) : .name(word) }
}
