import Foundation
import MessageQueue
import Postgres

/// Says that an appointment is near, unless it has been moved or cancelled since.
struct Reminding: Codable, Sendable {
    let appointment: Int
    /// Counts how often the appointment has been moved.
    let version: Int
}

/// The appointments, and the messages that follow from them.
struct Appointments: Sendable {
    static let remindings = Queue<Reminding>("appointments.remindings")
    /// A reminder comes so many seconds before the appointment.
    static let lead: TimeInterval = 3600

    let database: Database
    let broker: Broker

    init(_ database: Database) {
        self.database = database
        self.broker = Broker(database)
    }

    /// In production one program does this, before the others start.
    func prepare() async throws {
        try await Migrator(.messageQueue, .appointments).run(on: database)
        try await broker.declare(queue: Self.remindings.name)
    }

    /// Stores the appointment and its reminder together, or neither, and answers the appointment's number.
    func book(_ name: String, at date: Date) async throws -> Int {
        try await database.write { session in
            let insert: Statement = "INSERT INTO appointments.appointments (name, at) VALUES ($1, $2) RETURNING id"
            let id = try session.query(insert, name, date) { try $0[0, as: Int.self] }[0]
            try schedule(Reminding(appointment: id, version: 0), at: date, in: session)
            return id
        }
    }

    /// What was scheduled for the old time stays scheduled, and the step will find that it has nothing to say.
    func move(_ id: Int, to date: Date) async throws {
        let update: Statement = """
            UPDATE appointments.appointments SET at = $2, version = version + 1, reminded_at = NULL WHERE id = $1
            RETURNING version
            """
        try await database.write { session in
            let versions = try session.query(update, id, date) { try $0[0, as: Int.self] }
            guard let version = versions.first else { throw UnknownAppointment(id: id) }
            try schedule(Reminding(appointment: id, version: version), at: date, in: session)
        }
    }

    func cancel(_ id: Int) async throws {
        let delete: Statement = "DELETE FROM appointments.appointments WHERE id = $1"
        guard try await database.execute(delete, id) == 1 else { throw UnknownAppointment(id: id) }
    }

    /// Whose appointment it is; nil when it was moved or cancelled since.
    func name(for reminding: Reminding) async throws -> String? {
        let find: Statement = "SELECT name FROM appointments.appointments WHERE id = $1 AND version = $2"
        let names = try await database.read(find, reminding.appointment, reminding.version) {
            try $0[0, as: String.self]
        }
        return names.first
    }

    /// One that was moved after its reminder had been looked at is still to be reminded of: its version is another one now.
    func note(_ reminded: [Reminding], in session: borrowing Session) {
        let update: Statement = """
            UPDATE appointments.appointments a SET reminded_at = now()
            FROM unnest($1::bigint[], $2::bigint[]) AS r(id, version) WHERE (a.id, a.version) = (r.id, r.version)
            """
        session.pipeline(update, reminded.map(\.appointment), reminded.map(\.version))
    }

    private func schedule(_ reminding: Reminding, at date: Date, in session: borrowing Session) throws {
        let delay = Duration.seconds(max(0, date.timeIntervalSinceNow - Self.lead))
        let message = Outgoing(reminding, key: "appointment-\(reminding.appointment)", delay: delay)
        try broker.send([message], to: Self.remindings, in: session)
    }
}

struct UnknownAppointment: Error, CustomStringConvertible {
    let id: Int
    var description: String { "there is no appointment \(id)" }
}

extension MigrationLine {
    static let appointments = MigrationLine(
        "appointments", schema: "appointments",
        [
            Migration(
                number: 1, name: "0001_appointments",
                sql: """
                    CREATE SCHEMA appointments;
                    CREATE TABLE appointments.appointments (
                        id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                        name        text NOT NULL,
                        at          timestamptz NOT NULL,
                        version     bigint NOT NULL DEFAULT 0,
                        reminded_at timestamptz
                    );
                    """)
        ])
}
