import Postgres
import Testing

/// A broken engine: what its own database is told to do otherwise.
struct Mutant: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let sql: String
    /// The world that it is let loose in: see ``World/Line/Kind``.
    let world: UInt64

    init(_ description: String, world: UInt64 = 0, _ sql: String) {
        testDescription = description
        self.sql = sql
        self.world = world
    }

    /// Replaces a part of a function's text in the database, and fails when the function has no such part.
    private static func edit(_ function: String, _ old: String, _ new: String) -> String {
        """
        DO $mutant$
        DECLARE
            text text := pg_get_functiondef('\(function)'::regproc);
        BEGIN
            IF position($part$\(old)$part$ IN text) = 0 THEN RAISE EXCEPTION 'nothing to mutate in \(function)'; END IF;
            EXECUTE replace(text, $part$\(old)$part$, $part$\(new)$part$);
        END $mutant$
        """
    }

    static let all = [
        Mutant(
            "a lane is written without its lock",
            edit("mq.take_lane", "pg_try_advisory_xact_lock(mq.lock_class() + of_queue, candidate)", "true") + ";"
                + edit(
                    "mq.append", "pg_try_advisory_xact_lock(mq.lock_class() + of_queue, level * lanes + step % lanes)",
                    "true") + ";"
                + edit("mq.publish", "pg_try_advisory_xact_lock(g.locks, g.first + start % g.lanes)", "true")),
        Mutant(
            "a publisher counts all of its copies as if they went to one queue", edit("mq.publish", "m.rank", "m.n")),
        Mutant("a producer leaves a place out", edit("mq.lock_lane", "SELECT m.seq INTO", "SELECT m.seq + 1 INTO")),
        Mutant(
            "a lane is claimed from without its lock",
            edit("mq.take_lanes", "FOR UPDATE OF l SKIP LOCKED", "")),
        Mutant(
            "a cursor is read with the snapshot of the statement that claims",
            "ALTER FUNCTION mq.take_lanes STABLE;" + edit("mq.take_lanes", "FOR UPDATE OF l SKIP LOCKED", "")),
        Mutant(
            "a claim that an operator made and completed hides what is in flight before it", world: ordered,
            edit("mq.is_open", "AND c.consumer >= 0", "")),
        Mutant("whoever peeks sees what is taken", edit("mq.cursor", "RETURN greatest(", "RETURN least(")),
        Mutant("a paused queue is received from", edit("mq.take_lanes", "AND q.paused_at IS NULL", "")),
        Mutant(
            "lanes that are behind the head are forgotten",
            edit("mq.take_lanes", "l.floor_seq < l.closed_seq AND NOT EXISTS", "false AND NOT EXISTS")),
        Mutant(
            "a second finish of a place is passed over in silence",
            """
            CREATE FUNCTION mq.pass_over() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF EXISTS (SELECT FROM mq.completions d WHERE (d.queue, d.lane, d.seq) = (NEW.queue, NEW.lane, NEW.seq))
                THEN RETURN NULL; END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER pass_over BEFORE INSERT ON mq.completions FOR EACH ROW EXECUTE FUNCTION mq.pass_over()
            """),
        Mutant(
            "what is promoted stays among the scheduled",
            """
            CREATE FUNCTION mq.stay() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                INSERT INTO mq.scheduled (due_at, queue, attempt, id, sent_at, body)
                VALUES (OLD.due_at, OLD.queue, OLD.attempt, OLD.id, OLD.sent_at, OLD.body);
                RETURN NULL;
            END $$;
            CREATE TRIGGER stay AFTER DELETE ON mq.scheduled FOR EACH ROW EXECUTE FUNCTION mq.stay()
            """),
        Mutant(
            "what is hastened keeps its time",
            """
            CREATE FUNCTION mq.no_haste() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF NEW.due_at = now() THEN NEW.due_at := OLD.due_at; END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER no_haste BEFORE UPDATE ON mq.scheduled FOR EACH ROW EXECUTE FUNCTION mq.no_haste()
            """),
        Mutant(
            "who hastens what is to be tried again uses up an attempt",
            """
            CREATE FUNCTION mq.use_up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF NEW.due_at = now() AND OLD.attempt > 1 THEN NEW.attempt := OLD.attempt + 1; END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER use_up BEFORE UPDATE ON mq.scheduled FOR EACH ROW EXECUTE FUNCTION mq.use_up()
            """),
        Mutant(
            "nobody counts what an operator cancels",
            """
            CREATE FUNCTION mq.not_counted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF NEW.kind = 'p' AND current_query() LIKE '%mq.scheduled s WHERE s.ticket = ANY%' THEN RETURN NULL; END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER not_counted BEFORE INSERT ON mq.tallies FOR EACH ROW EXECUTE FUNCTION mq.not_counted()
            """),
        Mutant(
            "publishing goes by no delay of a queue", world: delayed, edit("mq.publish", "OR g.delay_ms > 0", "")),
        Mutant(
            "a half message stays as it is committed",
            """
            CREATE FUNCTION mq.stay_half() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                INSERT INTO mq.half_messages (prepared_at, check_at, topic, turn, priority, id, producers, key, tag, headers, body)
                VALUES (OLD.prepared_at, OLD.check_at, OLD.topic, OLD.turn, OLD.priority, OLD.id, OLD.producers, OLD.key, OLD.tag,
                    OLD.headers, OLD.body);
                RETURN NULL;
            END $$;
            CREATE TRIGGER stay_half AFTER DELETE ON mq.half_messages FOR EACH ROW EXECUTE FUNCTION mq.stay_half()
            """),
        Mutant(
            "whoever asked about a half message first may end it still",
            """
            CREATE FUNCTION mq.same_turn() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                NEW.turn := OLD.turn;
                RETURN NEW;
            END $$;
            CREATE TRIGGER same_turn BEFORE UPDATE ON mq.half_messages FOR EACH ROW EXECUTE FUNCTION mq.same_turn()
            """),
        Mutant(
            "a deleted queue leaves its messages behind", edit("mq.empty_queue", "'mq.messages', ", "")),
        Mutant(
            "a deleted queue leaves its claims behind", edit("mq.empty_queue", "'mq.claims', ", "")),
        Mutant(
            "receipts of a deleted queue are worth something still",
            edit("mq.keep_queue", "RETURN EXISTS (SELECT FROM mq.queues WHERE id = of_queue);", "RETURN true;")),
        Mutant(
            "a deletion waits for nobody who finishes",
            edit("mq.delete_queue", "PERFORM pg_advisory_xact_lock(", "PERFORM concat(") + ";"
                + edit("mq.empty_queue", "pg_advisory_xact_lock(mq.lock_class() + OLD.id, 1001)", "true")),
        Mutant(
            "nobody counts how many queues were deleted",
            edit("mq.empty_queue", "setval('mq.deletions', deletions + 1)", "deletions")),
        Mutant(
            "a queue that is made anew has its old number",
            """
            DO $$ BEGIN
                EXECUTE format('ALTER TABLE mq.queues ALTER COLUMN id SET DEFAULT %s', (SELECT id FROM mq.queues WHERE name = 'spare'));
            END $$
            """),
        Mutant("a topic's tags are ignored", "UPDATE mq.subscriptions SET tags = NULL"),
        Mutant(
            "a changed filter is the old one still",
            """
            CREATE FUNCTION mq.same_tags() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                NEW.tags := OLD.tags;
                RETURN NEW;
            END $$;
            CREATE TRIGGER same_tags BEFORE UPDATE ON mq.subscriptions FOR EACH ROW EXECUTE FUNCTION mq.same_tags()
            """),
        Mutant(
            "publishers go by the filter that a subscription had at first",
            """
            CREATE TABLE mq.first_tags AS SELECT * FROM mq.subscriptions;
            """ + edit("mq.publish", "JOIN mq.subscriptions s", "JOIN mq.first_tags s")),
        Mutant(
            "a changed number of attempts is the old one still",
            """
            CREATE FUNCTION mq.same_attempts() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                NEW.max_attempts := OLD.max_attempts;
                RETURN NEW;
            END $$;
            CREATE TRIGGER same_attempts BEFORE UPDATE ON mq.queues FOR EACH ROW EXECUTE FUNCTION mq.same_attempts()
            """),
        // Also once a history has changed a queue, or its settings are as they were again for the next one.
        Mutant(
            "one attempt more than allowed",
            """
            CREATE FUNCTION mq.one_more() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                NEW.max_attempts := NEW.max_attempts + 1;
                RETURN NEW;
            END $$;
            CREATE TRIGGER one_more BEFORE UPDATE OF max_attempts ON mq.queues FOR EACH ROW EXECUTE FUNCTION mq.one_more();
            UPDATE mq.queues SET max_attempts = max_attempts
            """),
        Mutant(
            "a lease is over as it begins",
            """
            CREATE FUNCTION mq.no_lease() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                NEW.lease_until := now() - interval '1 second';
                RETURN NEW;
            END $$;
            CREATE TRIGGER no_lease BEFORE INSERT ON mq.claims FOR EACH ROW EXECUTE FUNCTION mq.no_lease()
            """),
        Mutant(
            "a receipt stays the same as the visibility changes",
            """
            CREATE FUNCTION mq.no_turn() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                NEW.turn := 0;
                RETURN NEW;
            END $$;
            CREATE TRIGGER no_turn BEFORE INSERT OR UPDATE ON mq.leases FOR EACH ROW EXECUTE FUNCTION mq.no_turn()
            """),
        Mutant(
            "a changed visibility is kept for good",
            """
            CREATE FUNCTION mq.no_end() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                NEW.lease_until := now() + interval '1 day';
                RETURN NEW;
            END $$;
            CREATE TRIGGER no_end BEFORE INSERT OR UPDATE ON mq.leases FOR EACH ROW EXECUTE FUNCTION mq.no_end()
            """),
        Mutant("nothing is ever too old", "UPDATE mq.queues SET retention_ms = retention_ms * 1000"),
        Mutant(
            "what is sent once is forgotten at once",
            """
            CREATE FUNCTION mq.forget() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                DELETE FROM mq.sent_keys;
                RETURN NULL;
            END $$;
            CREATE TRIGGER forget AFTER INSERT ON mq.sent_keys FOR EACH STATEMENT EXECUTE FUNCTION mq.forget()
            """),
        Mutant(
            "what is published under a name is forgotten once it is told",
            """
            CREATE FUNCTION mq.forget() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                DELETE FROM mq.published_keys;
                RETURN NULL;
            END $$;
            CREATE CONSTRAINT TRIGGER forget AFTER INSERT ON mq.published_keys DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW EXECUTE FUNCTION mq.forget()
            """),
        Mutant("nobody counts what leaves the scheduled", "DROP TRIGGER scheduled_removed ON mq.scheduled"),
        Mutant(
            "a segment is dropped whatever it holds",
            "CREATE OR REPLACE FUNCTION mq.has_unfinished(number int) RETURNS boolean LANGUAGE sql AS 'SELECT false'"),
        Mutant(
            "a lane forgets where it stood when a segment is opened",
            edit("mq.advance_head", "greatest(l.closed_seq, (SELECT", "least(l.closed_seq, (SELECT")),
        Mutant(
            "whose turn it is means nothing",
            edit("mq.take_lanes", "q.levels > 1 AND l.lane / q.lanes <> first, ", "")),
        Mutant(
            "the less urgent come first",
            edit("mq.take_lanes", "CASE WHEN q.levels > 1 THEN l.lane / q.lanes END", "- l.lane / q.lanes")),
        Mutant(
            "of sixteen priorities the last two are one", world: sixteen,
            edit("mq.publish", "(m.priority - 1) * q.levels / 16", "least((m.priority - 1) * q.levels / 16, 14)")),
        Mutant(
            "what is scheduled loses its priority",
            """
            CREATE FUNCTION mq.level_down() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                NEW.level := 0;
                RETURN NEW;
            END $$;
            CREATE TRIGGER level_down BEFORE INSERT ON mq.scheduled FOR EACH ROW EXECUTE FUNCTION mq.level_down()
            """),
        Mutant(
            "a lane is claimed from though one of its keys is in flight", world: ordered,
            edit("mq.take_lanes", "taken.key_order IS NOT NULL AND mq.is_open(of_queue, taken.lane)", "false")),
        Mutant(
            "what comes behind a failed message is delivered", world: ordered,
            edit("mq.claim_in_order", "IF taken.lane < shards THEN", "IF false THEN")),
        Mutant(
            "a key is tried again with all that is held", world: ordered,
            edit("mq.replay", "CASE WHEN due.is_moving THEN most ELSE 1 END", "most")),
        Mutant(
            "the newest of a key is tried first", world: ordered,
            edit("mq.replay", "ORDER BY f.rank LIMIT", "ORDER BY f.rank DESC LIMIT")),
        Mutant(
            "a message loses its rank as it is held again", world: ordered,
            edit("mq.hold", "coalesce(m.rank, m.seq)", "m.seq")),
        Mutant(
            "a key is free as soon as one message of it has gone well", world: ordered,
            edit("mq.pass", "WHERE h.queue = b.queue AND h.key = b.key", "WHERE false")),
        Mutant(
            "a failed key waits for nobody", world: ordered,
            edit("mq.hold", "WHEN p.delay = 'infinity' THEN 'infinity'", "WHEN p.delay = 'infinity' THEN now()")),
        Mutant(
            "claims keep no pace", world: rated,
            """
            CREATE FUNCTION mq.no_pace() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                NEW.paced_until := NULL;
                RETURN NEW;
            END $$;
            CREATE TRIGGER no_pace BEFORE INSERT ON mq.claims FOR EACH ROW EXECUTE FUNCTION mq.no_pace()
            """),
    ]

    /// Two queues that keep order; a queue with a rate.
    private static let ordered: UInt64 = 2
    private static let rated: UInt64 = 0
    /// A queue with a delay.
    private static let delayed: UInt64 = 1
    /// A queue that hears everything, with sixteen priorities.
    private static let sixteen: UInt64 = 4
}
