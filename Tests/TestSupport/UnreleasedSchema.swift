import Foundation
public import Postgres

/// The schema as it was before the first release: twelve migrations of two owners, recorded in `public`.
public enum UnreleasedSchema {
    /// - Parameter numbers: which of them; all by default.
    public static func install(_ numbers: ClosedRange<Int> = 1...12, in database: Database) async throws {
        try await database.script(
            """
            CREATE TABLE public.applied_migrations (
                number int PRIMARY KEY, name text NOT NULL, checksum text NOT NULL,
                applied_at timestamptz NOT NULL DEFAULT now())
            """)
        for file in try files() {
            guard let number = Int(file.lastPathComponent.prefix(4)), numbers.contains(number) else { continue }
            try await database.script(String(contentsOf: file, encoding: .utf8))
            try await database.execute(
                "INSERT INTO public.applied_migrations (number, name, checksum) VALUES ($1, $2, '-')", Int32(number),
                file.deletingPathExtension().lastPathComponent)
        }
    }

    private static func files() throws -> [URL] {
        guard let folder = Bundle.module.url(forResource: "Unreleased", withExtension: nil) else {
            throw CocoaError(.fileNoSuchFile)
        }
        return try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .sorted { $0.lastPathComponent < $1.lastPathComponent }
    }
}
