import Postgres

/// Labels a box with a text, as any program does whose environment somebody else has set up, and reads it to us.
func label(_ text: String, in database: Database) async throws {
    try await database.execute("INSERT INTO label VALUES ($1, '01/02/2024')", text)
    for line in try await database.query("SELECT text FROM label", row: { try $0[0, as: String.self] }) { print(line) }
}
