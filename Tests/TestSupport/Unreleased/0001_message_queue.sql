-- The message engine: queues, topics, an append-only log of attempts, and what was given up.
--
-- An attempt is a row in `messages`. Its place (queue, lane, seq) is its receipt: claimed once, completed once.
-- A seq carries the number of its segment in the high bits and a dense ordinal of its lane in the low 40 bits, so that
--   * within a lane, seq order is commit order (the ordinal is taken under the lane's write lock),
--   * depth is a difference of ordinals, and a range of places is contiguous,
--   * a segment (one partition of each log table) holds a period of time, and is dropped whole.
-- The newest segment of each log is known to the hot statements as `head_...`, a view that is replaced when the next
-- segment is opened: however many segments live, a send or a receive touches one.

CREATE SCHEMA mq;

CREATE TABLE mq.queues (
    id              int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name            text NOT NULL UNIQUE CHECK (name ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,119}$'),
    lanes           smallint NOT NULL DEFAULT 8 CHECK (lanes BETWEEN 1 AND 64),
    lease_ms        int NOT NULL DEFAULT 30000 CHECK (lease_ms > 0),
    max_attempts    int NOT NULL DEFAULT 10 CHECK (max_attempts > 0),
    backoff_base_ms int NOT NULL DEFAULT 500 CHECK (backoff_base_ms >= 0),
    backoff_cap_ms  int NOT NULL DEFAULT 60000 CHECK (backoff_cap_ms >= 0),
    jitter          double precision NOT NULL DEFAULT 0.2 CHECK (jitter BETWEEN 0 AND 1),
    paused_at       timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now()
);

-- One row per lane, locked (never updated) by whoever claims from it. `closed_seq` is the lane's last place in segments
-- before the head; `floor_seq` is a place up to which everything is claimed. Both change only when a segment is opened,
-- and once more when a lane that was behind has caught up.
CREATE TABLE mq.lanes (
    queue      int NOT NULL REFERENCES mq.queues ON DELETE CASCADE,
    lane       smallint NOT NULL,
    closed_seq bigint NOT NULL DEFAULT 0,
    floor_seq  bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (queue, lane)
);

-- Everything up to here is completed. Kept with each claim, and here once a queue has come to rest, so that whoever asks
-- for open places afterwards need not look at all that came before.
CREATE TABLE mq.settlements (
    queue       int NOT NULL REFERENCES mq.queues ON DELETE CASCADE,
    lane        smallint NOT NULL,
    settled_seq bigint NOT NULL,
    PRIMARY KEY (queue, lane)
) WITH (fillfactor = 50);

CREATE TABLE mq.topics (
    id         int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL UNIQUE CHECK (name ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,119}$'),
    created_at timestamptz NOT NULL DEFAULT now()
);

-- No tags: everything published is heard. With tags: only messages that carry one of them.
CREATE TABLE mq.subscriptions (
    topic      int NOT NULL REFERENCES mq.topics ON DELETE CASCADE,
    queue      int NOT NULL REFERENCES mq.queues ON DELETE CASCADE,
    tags       text[],
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, queue)
);

CREATE TABLE mq.segments (
    segment   int PRIMARY KEY,
    opened_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Columns are ordered by alignment, to keep rows small.
CREATE TABLE mq.messages (
    seq         bigint NOT NULL,
    queue       int NOT NULL,
    lane        smallint NOT NULL,
    attempt     smallint NOT NULL,
    id          uuid NOT NULL,
    sent_at     timestamptz NOT NULL,
    appended_at timestamptz NOT NULL DEFAULT now(),
    topic       text,
    key         text,
    tag         text,
    headers     jsonb,
    body        bytea NOT NULL
) PARTITION BY RANGE (seq);

CREATE TABLE mq.claims (
    last_seq    bigint NOT NULL,
    first_seq   bigint NOT NULL,
    queue       int NOT NULL,
    lane        smallint NOT NULL,
    places      smallint NOT NULL,
    consumer    bigint NOT NULL,
    claimed_at  timestamptz NOT NULL DEFAULT now(),
    -- NULL: as long as the consumer gives signs of life.
    lease_until timestamptz,
    -- Everything up to here was completed when this claim was made, as far as its consumer knew.
    settled_seq bigint NOT NULL DEFAULT 0,
    -- Ordinals are dense: a claim that skips or repeats a place cannot be written.
    CONSTRAINT claims_contiguous CHECK (last_seq - first_seq + 1 = places)
) PARTITION BY RANGE (last_seq);

CREATE TABLE mq.completions (
    seq         bigint NOT NULL,
    queue       int NOT NULL,
    lane        smallint NOT NULL,
    -- d done, r retried, x expired, f dead (failed for good), b released (given back)
    outcome     "char" NOT NULL,
    finished_at timestamptz NOT NULL DEFAULT now(),
    error       text
) PARTITION BY RANGE (seq);

-- Opens a segment: a table for each log, with its indexes, attached, and made the head.
--
-- Analyzed never, vacuumed never: rows are only added, and the tables are dropped whole. Without statistics the planner
-- assumes a table of some size and walks the primary key, whatever the backlog; statistics taken at a quiet moment are
-- what makes it sort a million rows.
CREATE FUNCTION mq.open_segment(number int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    log text;
    place text;
    base bigint := number::bigint << 40;
BEGIN
    FOR log, place IN VALUES ('messages', 'seq'), ('claims', 'last_seq'), ('completions', 'seq') LOOP
        EXECUTE format(
            'CREATE TABLE mq.%1$s_%2$s (LIKE mq.%1$s INCLUDING DEFAULTS INCLUDING CONSTRAINTS,
                CONSTRAINT %1$s_%2$s_place PRIMARY KEY (queue, lane, %3$s)) WITH (autovacuum_enabled = false)',
            log, number, place);
    END LOOP;
    EXECUTE format('CREATE INDEX messages_%1$s_id ON mq.messages_%1$s (id)', number);
    EXECUTE format('CREATE INDEX messages_%1$s_key ON mq.messages_%1$s (key) WHERE key IS NOT NULL', number);
    FOREACH log IN ARRAY ARRAY['messages', 'claims', 'completions'] LOOP
        EXECUTE format('ALTER TABLE mq.%1$s ATTACH PARTITION mq.%1$s_%2$s FOR VALUES FROM (%3$s) TO (%4$s)',
            log, number, base, base + (1::bigint << 40));
    END LOOP;
    INSERT INTO mq.segments (segment) VALUES (number);
END $$;

-- Makes an opened segment the head. What lies in front of it is remembered per lane, exactly: the exclusive lock on the
-- views means that no send and no claim is under way.
CREATE FUNCTION mq.advance_head(number int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE mq.head, mq.head_messages, mq.head_claims IN ACCESS EXCLUSIVE MODE;
    UPDATE mq.lanes l SET
        closed_seq = greatest(l.closed_seq, (SELECT max(m.seq) FROM mq.head_messages m WHERE m.queue = l.queue AND m.lane = l.lane)),
        floor_seq = greatest(l.floor_seq, (SELECT max(c.last_seq) FROM mq.head_claims c WHERE c.queue = l.queue AND c.lane = l.lane));
    EXECUTE format('CREATE OR REPLACE VIEW mq.head AS SELECT %s::bigint << 40 AS base', number);
    EXECUTE format('CREATE OR REPLACE VIEW mq.head_messages AS SELECT * FROM mq.messages_%s', number);
    EXECUTE format('CREATE OR REPLACE VIEW mq.head_claims AS SELECT * FROM mq.claims_%s', number);
END $$;

SELECT mq.open_segment(1);
CREATE VIEW mq.head AS SELECT 1::bigint << 40 AS base;
CREATE VIEW mq.head_messages AS SELECT * FROM mq.messages_1;
CREATE VIEW mq.head_claims AS SELECT * FROM mq.claims_1;

-- The dense part of a place.
CREATE FUNCTION mq.ordinal(seq bigint) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS 'SELECT seq & 1099511627775';

-- Takes a lane of a queue for writing, until the transaction ends, and tells the place after which to write.
-- Never waits: when others hold every lane, the answer is a row of NULLs.
--
-- Called inside of the statement that appends. The lock comes first; the last place is read by a statement of its own
-- after it, with a snapshot that sees whatever the lane's last writer committed. That needs READ COMMITTED: under any
-- other isolation the snapshot is as old as the transaction, so the answer is NULLs there too.
CREATE FUNCTION mq.take_lane(of_queue int, OUT lane smallint, OUT last bigint) LANGUAGE plpgsql AS $$
DECLARE
    lanes int;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN RETURN; END IF;
    SELECT q.lanes INTO STRICT lanes FROM mq.queues q WHERE q.id = of_queue;
    FOR step IN 0..lanes - 1 LOOP
        IF pg_try_advisory_xact_lock(1836122112 + of_queue, (pg_backend_pid() + step) % lanes) THEN
            lane := (pg_backend_pid() + step) % lanes;
            SELECT h.base + mq.ordinal(coalesce(
                    (SELECT m.seq FROM mq.head_messages m WHERE m.queue = of_queue AND m.lane = l.lane ORDER BY m.seq DESC LIMIT 1),
                    l.closed_seq))
                INTO STRICT last FROM mq.lanes l, mq.head h WHERE l.queue = of_queue AND l.lane = take_lane.lane;
            RETURN;
        END IF;
    END LOOP;
END $$;

-- Locks lanes that have something to claim, until the transaction ends, and tells each one's cursor.
-- Lanes that another consumer is claiming from are skipped. The cursors are read after the locks, by statements of their
-- own: what the last claimer committed is seen. A lane with unclaimed places in front of the head is `behind`, and its
-- cursor is then beyond everything in the head.
CREATE FUNCTION mq.take_lanes(of_queue int, start int, most int)
    RETURNS TABLE (lane smallint, place bigint, behind boolean) LANGUAGE plpgsql AS $$
DECLARE
    taken record;
BEGIN
    FOR taken IN
        SELECT l.lane, l.closed_seq, l.floor_seq FROM mq.lanes l JOIN mq.queues q ON q.id = l.queue
        WHERE l.queue = of_queue AND q.paused_at IS NULL AND (
            EXISTS (SELECT FROM mq.head_messages m WHERE m.queue = l.queue AND m.lane = l.lane AND m.seq >
                coalesce((SELECT c.last_seq FROM mq.head_claims c WHERE c.queue = l.queue AND c.lane = l.lane
                          ORDER BY c.last_seq DESC LIMIT 1), 0))
            OR (l.floor_seq < l.closed_seq AND NOT EXISTS (
                SELECT FROM mq.head_claims c WHERE c.queue = l.queue AND c.lane = l.lane)))
        ORDER BY (l.lane + start) % q.lanes LIMIT most FOR UPDATE OF l SKIP LOCKED
    LOOP
        lane := taken.lane;
        SELECT c.last_seq INTO place FROM mq.head_claims c
            WHERE c.queue = of_queue AND c.lane = taken.lane ORDER BY c.last_seq DESC LIMIT 1;
        behind := place IS NULL AND taken.floor_seq < taken.closed_seq;
        place := CASE WHEN behind THEN 9223372036854775807 ELSE coalesce(place, taken.floor_seq) END;
        RETURN NEXT;
    END LOOP;
END $$;

-- The next places of a lane that is behind the head, all of one segment. The caller holds the lane's row lock.
-- A lane that turns out to have caught up is marked so.
CREATE FUNCTION mq.read_behind(of_queue int, of_lane smallint, most int) RETURNS SETOF mq.messages LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off AS $$
DECLARE
    place bigint := mq.cursor(of_queue, of_lane);
    first bigint;
BEGIN
    SELECT m.seq INTO first FROM mq.messages m
        WHERE m.queue = of_queue AND m.lane = of_lane AND m.seq > place ORDER BY m.seq LIMIT 1;
    UPDATE mq.lanes l SET floor_seq = l.closed_seq
        WHERE l.queue = of_queue AND l.lane = of_lane AND l.floor_seq < l.closed_seq AND l.closed_seq <= place;
    RETURN QUERY SELECT * FROM mq.messages m
        WHERE m.queue = of_queue AND m.lane = of_lane AND m.seq >= first AND m.seq < ((first >> 40) + 1) << 40
        ORDER BY m.seq LIMIT most;
END $$;

-- The lane's last claimed place, wherever it lies.
CREATE FUNCTION mq.cursor(of_queue int, of_lane smallint) RETURNS bigint LANGUAGE plpgsql STABLE
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off AS $$
BEGIN
    RETURN greatest(
        (SELECT l.floor_seq FROM mq.lanes l WHERE l.queue = of_queue AND l.lane = of_lane),
        (SELECT c.last_seq FROM mq.claims c WHERE c.queue = of_queue AND c.lane = of_lane ORDER BY c.last_seq DESC LIMIT 1));
END $$;

-- Not due yet: delayed sends, retries with a back-off, and sends that found no free lane.
CREATE TABLE mq.deferred (
    ticket   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    due_at   timestamptz NOT NULL,
    queue    int NOT NULL,
    attempt  smallint NOT NULL,
    id       uuid NOT NULL,
    sent_at  timestamptz NOT NULL,
    topic    text,
    key      text,
    tag      text,
    headers  jsonb,
    body     bytea NOT NULL
);
CREATE INDEX deferred_due ON mq.deferred (queue, due_at);
CREATE INDEX deferred_id ON mq.deferred (id);
CREATE INDEX deferred_key ON mq.deferred (key) WHERE key IS NOT NULL;

CREATE TABLE mq.dead_letters (
    ticket   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    died_at  timestamptz NOT NULL DEFAULT now(),
    queue    int NOT NULL,
    attempts smallint NOT NULL,
    id       uuid NOT NULL,
    sent_at  timestamptz NOT NULL,
    reason   text NOT NULL,
    error    text,
    -- What became of each attempt: [{"attempt", "outcome", "at", "error"}, ...], oldest first.
    history  jsonb,
    topic    text,
    key      text,
    tag      text,
    headers  jsonb,
    body     bytea NOT NULL
);
CREATE INDEX dead_letters_queue ON mq.dead_letters (queue, died_at);
CREATE INDEX dead_letters_id ON mq.dead_letters (id);
CREATE INDEX dead_letters_key ON mq.dead_letters (key) WHERE key IS NOT NULL;

-- Puts a message that found no free lane aside, due at once; whoever promotes deferred messages takes it from there.
CREATE FUNCTION mq.park(queue int, attempt smallint, id uuid, sent_at timestamptz, topic text, key text, tag text,
    headers jsonb, body bytea) RETURNS int LANGUAGE sql AS $$
    INSERT INTO mq.deferred (due_at, queue, attempt, id, sent_at, topic, key, tag, headers, body)
    VALUES (now(), $1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING 1
$$;

-- How many rows `deferred` and `dead_letters` hold per queue, as a sum of changes: exact, without counting them.
-- Appended per statement, folded together by the upkeep.
CREATE TABLE mq.tallies (
    queue  int NOT NULL,
    kind   "char" NOT NULL,  -- e deferred, f dead letters, p purged for ever
    change bigint NOT NULL
);

CREATE FUNCTION mq.count_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO mq.tallies (queue, kind, change) SELECT queue, TG_ARGV[0]::"char", count(*) FROM added GROUP BY queue;
    RETURN NULL;
END $$;
CREATE FUNCTION mq.count_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO mq.tallies (queue, kind, change) SELECT queue, TG_ARGV[0]::"char", -count(*) FROM removed GROUP BY queue;
    RETURN NULL;
END $$;
CREATE TRIGGER deferred_added AFTER INSERT ON mq.deferred REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION mq.count_added('e');
CREATE TRIGGER deferred_removed AFTER DELETE ON mq.deferred REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION mq.count_removed('e');
CREATE TRIGGER dead_letters_added AFTER INSERT ON mq.dead_letters REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION mq.count_added('f');
CREATE TRIGGER dead_letters_removed AFTER DELETE ON mq.dead_letters REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION mq.count_removed('f');

-- What is sent only once: a queue's keys, each until it expires.
CREATE TABLE mq.sent_keys (
    queue      int NOT NULL REFERENCES mq.queues ON DELETE CASCADE,
    key        text NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (queue, key)
);
CREATE INDEX sent_keys_expiry ON mq.sent_keys (expires_at);

-- One row per process start. While it lives it holds the session-level advisory lock (1836122112, id). The class is 'mq' in
-- the high half of an int, so that it meets nobody else's by accident; the lanes of queue n have class 1836122112 + n.
CREATE TABLE mq.consumers (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name         text NOT NULL,
    host         text NOT NULL,
    pid          int NOT NULL,
    version      text NOT NULL,
    lease_ms     int NOT NULL,
    started_at   timestamptz NOT NULL DEFAULT now(),
    heartbeat_at timestamptz NOT NULL DEFAULT now(),
    -- Set when it has said goodbye, or when all that it held has been taken from it.
    ended_at     timestamptz
) WITH (fillfactor = 50);
CREATE INDEX consumers_alive ON mq.consumers (id) WHERE ended_at IS NULL;

-- Whether a segment still holds a message that isn't finished. Counts: every message of a dense log is claimed once and
-- completed once, so equal numbers mean that all are.
CREATE FUNCTION mq.has_unfinished(number int) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    appended bigint;
    completed bigint;
BEGIN
    EXECUTE format('SELECT count(*) FROM mq.completions_%s', number) INTO completed;
    EXECUTE format('SELECT count(*) FROM mq.messages_%s', number) INTO appended;
    RETURN appended <> completed;
END $$;

-- Drops a segment whole. Lanes that caught up in it keep their cursor: its claims go with it.
CREATE FUNCTION mq.drop_segment(number int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format(
        'UPDATE mq.lanes l SET floor_seq = c.last_seq
         FROM (SELECT queue, lane, max(last_seq) AS last_seq FROM mq.claims_%s GROUP BY queue, lane) AS c
         WHERE l.queue = c.queue AND l.lane = c.lane AND l.floor_seq < c.last_seq', number);
    EXECUTE format('DROP TABLE mq.messages_%1$s, mq.claims_%1$s, mq.completions_%1$s', number);
    DELETE FROM mq.segments WHERE segment = number;
END $$;
