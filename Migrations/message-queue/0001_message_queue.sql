-- The message engine: queues, topics, an append-only log of attempts, what waits beside it, and what was given up.
--
-- An attempt is a row in `messages`. Its place (queue, lane, seq) is its receipt: claimed once, completed once.
-- A seq carries the number of its segment in the high bits and a dense ordinal of its lane in the low 40 bits, so that
--   * within a lane, seq order is commit order (the ordinal is taken under the lane's write lock),
--   * depth is a difference of ordinals, and a range of places is contiguous,
--   * a segment (one partition of each log table) holds a period of time, and is dropped whole.
-- The newest segment of each log is known to the hot statements as `head_...`, a view that is replaced when the next
-- segment is opened: however many segments live, a send or a receive touches one.
--
-- Apply it with a Migrator, or with: psql --single-transaction --set ON_ERROR_STOP=1 --file 0001_message_queue.sql
-- Columns of tables with many rows are ordered by alignment, to keep rows small.


-- 1. The schema ------------------------------------------------------------------------------------------------------------

-- An empty schema that somebody made for us is used; what isn't ours is left alone.
-- Text of others would come back as something else where it is kept in another encoding.
DO $$
BEGIN
    IF current_setting('server_encoding') <> 'UTF8' THEN
        RAISE EXCEPTION 'database % keeps text as %, and must keep it as UTF8', current_database(), current_setting('server_encoding')
            USING HINT = 'Make it anew: CREATE DATABASE ... ENCODING ''UTF8'' TEMPLATE template0';
    END IF;
    IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'mq') THEN
        IF NOT has_database_privilege(current_database(), 'CREATE') THEN
            RAISE EXCEPTION 'role % may not create the schema mq in database %', current_user, current_database()
                USING HINT = format('An administrator makes it: CREATE SCHEMA mq AUTHORIZATION %I', current_user);
        END IF;
        CREATE SCHEMA mq;
    ELSIF NOT (has_schema_privilege('mq', 'CREATE') AND has_schema_privilege('mq', 'USAGE')) THEN
        RAISE EXCEPTION 'role % may not use the schema mq, which is there already, or make tables in it', current_user
            USING HINT = format('An administrator gives it away: ALTER SCHEMA mq OWNER TO %I', current_user);
    ELSIF EXISTS (SELECT FROM pg_class WHERE relnamespace = 'mq'::regnamespace)
        OR EXISTS (SELECT FROM pg_proc WHERE pronamespace = 'mq'::regnamespace)
        OR EXISTS (SELECT FROM pg_type WHERE typnamespace = 'mq'::regnamespace)
    THEN
        RAISE EXCEPTION 'the schema mq is there already, and holds something that is not the message queue of this version'
            USING HINT = 'If it is somebody else''s, give it another name: ALTER SCHEMA mq RENAME TO ...';
    END IF;
END $$;

-- What was applied here. `works_with` is the oldest version of a program, by the number of the newest migration it was made
-- with, that goes on working once this one is there.
CREATE TABLE mq.migrations (
    line       text NOT NULL,
    number     int NOT NULL,
    name       text NOT NULL,
    works_with int NOT NULL,
    checksum   text,
    applied_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (line, number)
);

-- What tells this schema from any other.
CREATE TABLE mq.identity (
    only_row  boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    id        uuid NOT NULL DEFAULT gen_random_uuid(),
    -- What programs note of all queues and topics together; to the engine they mean nothing.
    labels    jsonb NOT NULL DEFAULT '{}',
    -- How many queues were deleted, ever, as a snapshot sees it: a process that reads it together with the queues brings it along to say
    -- that it knows of no later deletion.
    deletions bigint NOT NULL DEFAULT 0
);
INSERT INTO mq.identity DEFAULT VALUES;

-- The same number as it is at this moment, whatever the snapshot: a sequence is read past it, and set before the commit. It is ahead of
-- the other one while a deletion is about to commit, and after one that failed so late, until the next.
CREATE SEQUENCE mq.deletions MINVALUE 0 OWNED BY mq.identity.deletions;

-- Tells a database from one that was made anew, restored or taken over by another server. Programs ask once per connection,
-- and forget what they remember of the database when the answer is another one.
CREATE FUNCTION mq.fingerprint() RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
    server text;
    timeline text;
BEGIN
    IF has_function_privilege('pg_control_system()', 'EXECUTE') THEN
        SELECT system_identifier INTO server FROM pg_control_system();
    END IF;
    IF NOT pg_is_in_recovery() AND has_function_privilege('pg_walfile_name(pg_lsn)', 'EXECUTE') THEN
        timeline := left(pg_walfile_name(pg_current_wal_lsn()), 8);
    END IF;
    RETURN concat_ws('/', coalesce(server, '-'), coalesce(timeline, '-'),
        (SELECT oid FROM pg_database WHERE datname = current_database()), 'mq.queues'::regclass::oid,
        (SELECT id FROM mq.identity));
END $$;

-- The class of the engine's advisory locks: 'mq' in the high half of an int, so that it meets nobody else's by accident. Those
-- of queue n have this plus n: a number per lane, and beyond the last lane 1000 for whoever claims under limits, and 1001, which
-- all share who finish messages, and who deletes the queue has alone. In the class itself are the segments, as 0, the sums of
-- `tallies`, as -1, and the consumers, by their id.
CREATE FUNCTION mq.lock_class() RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT 1836122112';


-- What a process remembers, such as a number or a place, belongs to the schema that it was read from. Statements that rest on it
-- bring that schema's number along, so that they do nothing to another one that has taken its place under a living connection.
-- The error asks for another try, which begins by looking again.
CREATE FUNCTION mq.is_home(home bigint) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF home IS DISTINCT FROM 'mq.queues'::regclass::oid::bigint THEN
        RAISE EXCEPTION 'the message queue of this database has been made anew' USING ERRCODE = 'serialization_failure';
    END IF;
    RETURN true;
END $$;

-- The same for a whole transaction behind a pooler, which may lead to another database from one to the next.
CREATE FUNCTION mq.expect(fingerprint text) RETURNS void LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF fingerprint IS DISTINCT FROM mq.fingerprint() THEN
        RAISE EXCEPTION 'this is another database than before' USING ERRCODE = 'serialization_failure';
    END IF;
END $$;


-- 2. Queues and topics -----------------------------------------------------------------------------------------------------

-- Ids are drawn, not counted: whoever remembers one of a database that was made anew or restored finds no other queue
-- under it. Locks of queue n have class mq.lock_class() + n, which is why it stays below 2^28.
CREATE FUNCTION mq.draw_queue_id() RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    drawn int;
BEGIN
    LOOP
        drawn := 1 + floor(random() * 268435455)::int;
        IF NOT EXISTS (SELECT FROM mq.queues WHERE id = drawn) THEN RETURN drawn; END IF;
    END LOOP;
END $$;

-- A queue with priorities has a set of lanes for each level: lane = level * lanes + n; of the priorities 1 to 16, 16 / levels are
-- one level. A queue that keeps order has a lane for each share of its keys (0 to lanes - 1), and as many again in which the
-- messages of keys that had failed are delivered anew.
CREATE TABLE mq.queues (
    id                int PRIMARY KEY DEFAULT mq.draw_queue_id(),
    name              text NOT NULL UNIQUE CHECK (name ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$'),
    lanes             smallint NOT NULL DEFAULT 8 CHECK (lanes BETWEEN 1 AND 64),
    levels            smallint NOT NULL DEFAULT 1 CHECK (levels BETWEEN 1 AND 16),
    -- NULL keeps no order; b blocks a key whose message failed for good, s skips the message to the dead letters
    key_order         "char" CHECK (key_order IN ('b', 's')),
    lease_ms          bigint NOT NULL DEFAULT 30000 CHECK (lease_ms > 0),
    max_attempts      int NOT NULL DEFAULT 10 CHECK (max_attempts > 0),
    backoff_base_ms   bigint NOT NULL DEFAULT 500 CHECK (backoff_base_ms >= 0),
    backoff_cap_ms    bigint NOT NULL DEFAULT 60000 CHECK (backoff_cap_ms >= 0),
    jitter            double precision NOT NULL DEFAULT 0.2 CHECK (jitter BETWEEN 0 AND 1),
    concurrency_limit int CHECK (concurrency_limit > 0),
    rate_limit        double precision CHECK (rate_limit > 0),
    burst             int CHECK (burst > 0),
    -- What was sent longer ago is not delivered any more; NULL: whatever its age, it is.
    retention_ms      bigint CHECK (retention_ms > 0),
    -- How long a message waits that was sent with no delay of its own.
    delay_ms          bigint NOT NULL DEFAULT 0 CHECK (delay_ms >= 0),
    paused_at         timestamptz,
    created_at        timestamptz NOT NULL DEFAULT now(),
    -- Of settings and labels.
    changed_at        timestamptz NOT NULL DEFAULT now(),
    -- What programs note of a queue for themselves; to the engine they mean nothing.
    labels            jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT queues_lanes_in_all CHECK (lanes * levels * CASE WHEN key_order IS NULL THEN 1 ELSE 2 END <= 64)
);

-- The queue of this id. One that was deleted, or never was here, is an error that asks for another try.
CREATE FUNCTION mq.known_queue(of_queue int) RETURNS SETOF mq.queues ROWS 1 LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY SELECT * FROM mq.queues WHERE id = of_queue;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no queue % in this database any more', of_queue USING ERRCODE = 'serialization_failure';
    END IF;
END $$;

-- Keeps a queue from being deleted until the transaction ends, and tells whether it is there. While it is being deleted, a
-- transaction that has written nothing waits for that: it holds nothing that the deletion may wait for. Any other is told to try again.
CREATE FUNCTION mq.keep_queue(of_queue int) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF pg_current_xact_id_if_assigned() IS NULL THEN
        PERFORM pg_advisory_xact_lock_shared(mq.lock_class() + of_queue, 1001);
    ELSIF NOT pg_try_advisory_xact_lock_shared(mq.lock_class() + of_queue, 1001) THEN
        RAISE EXCEPTION 'queue % is being deleted', of_queue USING ERRCODE = 'lock_not_available';
    END IF;
    -- A snapshot that is older than the lock may show what is gone: the row's own lock tells, or is an error that asks for another try.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        PERFORM FROM mq.queues WHERE id = of_queue FOR KEY SHARE;
        RETURN FOUND;
    END IF;
    -- A statement of its own: it sees what was deleted until the lock was had.
    RETURN EXISTS (SELECT FROM mq.queues WHERE id = of_queue);
END $$;

-- The same for who is about to complete a place. Of a queue that is gone it is refused as a place that was completed already.
CREATE FUNCTION mq.must_keep_queue(of_queue int, of_lane smallint, of_seq bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF NOT mq.keep_queue(of_queue) THEN
        RAISE EXCEPTION 'queue % was deleted', of_queue
            USING ERRCODE = 'check_violation', SCHEMA = 'mq', TABLE = 'completions',
                DETAIL = format('Key (queue, lane, seq)=(%s, %s, %s).', of_queue, of_lane, of_seq);
    END IF;
    RETURN true;
END $$;

-- One row per lane, locked (never updated) by whoever claims from it. `closed_seq` is the lane's last place in segments
-- before the head; `floor_seq` is a place up to which everything is claimed. Both change only when a segment is opened,
-- and once more when a lane that was behind has caught up. `paced_until` is what its dropped claims said, see `claims`.
CREATE TABLE mq.lanes (
    queue       int NOT NULL REFERENCES mq.queues ON DELETE CASCADE,
    lane        smallint NOT NULL,
    closed_seq  bigint NOT NULL DEFAULT 0,
    floor_seq   bigint NOT NULL DEFAULT 0,
    paced_until timestamptz,
    PRIMARY KEY (queue, lane)
);

-- Everything up to here is completed. Kept with each claim, and here once a queue has come to rest, so that whoever asks
-- for open places afterwards need not look at all that came before.
CREATE TABLE mq.watermarks (
    queue       int NOT NULL REFERENCES mq.queues ON DELETE CASCADE,
    lane        smallint NOT NULL,
    watermark   bigint NOT NULL,
    PRIMARY KEY (queue, lane)
) WITH (fillfactor = 50);

CREATE TABLE mq.topics (
    id         int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL UNIQUE CHECK (name ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$'),
    created_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz NOT NULL DEFAULT now(),
    -- What programs note of a topic for themselves; to the engine they mean nothing.
    labels     jsonb NOT NULL DEFAULT '{}',
    -- Half messages that were dropped, ever, since nobody said what was to become of them.
    dropped_halves bigint NOT NULL DEFAULT 0
);

-- No tags: everything published is heard. With tags: only messages that carry one of them. `endpoint` is kept for whoever will
-- deliver there; nobody does so far.
--
-- A queue has one copy of a message for each of its subscriptions. The copy of the first of them has the message's own id, those of
-- additional ones ids of their own. `mark` is what a copy's headers tell of its subscription: nothing, unless the subscription has a
-- format or is an additional one; see `marked`.
CREATE TABLE mq.subscriptions (
    topic         int NOT NULL REFERENCES mq.topics ON DELETE CASCADE,
    queue         int REFERENCES mq.queues ON DELETE CASCADE,
    name          text NOT NULL CHECK (name ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$'),
    is_additional boolean NOT NULL DEFAULT false,
    tags          text[],
    mark          jsonb,
    endpoint      text,
    format        text,
    created_at    timestamptz NOT NULL DEFAULT now(),
    changed_at    timestamptz NOT NULL DEFAULT now(),
    labels        jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (topic, name),
    CONSTRAINT subscriptions_end CHECK (num_nonnulls(queue, endpoint) = 1)
);
CREATE UNIQUE INDEX subscriptions_first ON mq.subscriptions (topic, queue) WHERE NOT is_additional;

-- The mark of a subscription; that of an additional one has a place for the id of the message.
CREATE FUNCTION mq.mark(name text, format text, is_additional boolean) RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT jsonb_strip_nulls(jsonb_build_object('mq.subscription', name, 'mq.format', format,
        'mq.message', CASE WHEN is_additional THEN '' END)) WHERE is_additional OR format IS NOT NULL
$$;

-- The headers of a marked copy.
CREATE FUNCTION mq.marked(headers jsonb, mark jsonb, id uuid) RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce(headers, '{}') || mark || CASE WHEN mark ? 'mq.message' THEN jsonb_build_object('mq.message', id) ELSE '{}' END
$$;

-- The id of an additional copy: of the message's time, and the same whoever works it out.
CREATE FUNCTION mq.copy_id(id uuid, subscription text) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT (left(id::text, 19) || 'a' || right(md5(id::text || subscription)::uuid::text, 16))::uuid $$;


-- 3. The log ---------------------------------------------------------------------------------------------------------------

CREATE TABLE mq.messages (
    seq         bigint NOT NULL,
    queue       int NOT NULL,
    lane        smallint NOT NULL,
    attempt     smallint NOT NULL,
    id          uuid NOT NULL,
    sent_at     timestamptz NOT NULL,
    appended_at timestamptz NOT NULL DEFAULT now(),
    -- The place that a message had before it was held back; NULL for one that never was.
    rank        bigint,
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
    -- Everything up to here was completed when this claim was made, as far as its consumer knew.
    watermark   bigint NOT NULL DEFAULT 0,
    -- NULL: as long as the consumer gives signs of life.
    lease_until timestamptz,
    -- A queue with a rate: until when what was claimed so far takes, at that rate.
    paced_until timestamptz,
    -- Ordinals are dense: a claim that skips or repeats a place cannot be written.
    CONSTRAINT claims_contiguous CHECK (last_seq - first_seq + 1 = places)
) PARTITION BY RANGE (last_seq);

CREATE TABLE mq.completions (
    seq         bigint NOT NULL,
    queue       int NOT NULL,
    lane        smallint NOT NULL,
    -- d done, r retried, x expired, f dead (failed for good), b released (given back), h held back, o outdated (past its retention),
    -- p purged by an operator
    outcome     "char" NOT NULL,
    finished_at timestamptz NOT NULL DEFAULT now(),
    error       text
) PARTITION BY RANGE (seq);

-- Leases of single places, from the first change of their visibility on: what stands here counts, and no longer the lease of the
-- claim. `turn` counts the changes; a receipt tells with which it was handed out, and is good for no other.
CREATE TABLE mq.leases (
    seq         bigint NOT NULL,
    lease_until timestamptz NOT NULL,
    queue       int NOT NULL,
    turn        int NOT NULL,
    lane        smallint NOT NULL,
    PRIMARY KEY (queue, lane, seq)
) WITH (fillfactor = 50);

-- The dense part of a place.
CREATE FUNCTION mq.ordinal(seq bigint) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS 'SELECT seq & 1099511627775';

-- The lane that a key's messages go through. The hash is the one that the server's own hash partitions rest on, so it
-- stays the same over its versions.
CREATE FUNCTION mq.shard(key text, lanes int) RETURNS smallint LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS 'SELECT ((hashtextextended($1, 0) & 9223372036854775807) % $2)::smallint';


-- 4. Segments --------------------------------------------------------------------------------------------------------------
--
-- Workers need no rights to make tables: the functions that they call here run with the rights of whoever owns the schema, and
-- may be called by whom they are lent to (see `lend_to`). So each looks for itself whether what it is asked for may be: what
-- else a caller might do with them must cost nobody a message. The log is reached through its parents and the head views, whose
-- rights stay.

CREATE TABLE mq.segments (
    segment   int PRIMARY KEY,
    opened_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Makes a segment: a table for each log, with its indexes, attached.
--
-- Analyzed never, vacuumed never: rows are only added, and the tables are dropped whole. Without statistics the planner
-- assumes a table of some size and walks the primary key, whatever the backlog; statistics taken at a quiet moment are
-- what makes it sort a million rows.
--
-- The index on keys has times, as those of what waits beside the log: of a key with a million messages the newest are found without
-- the others.
CREATE FUNCTION mq.make_segment(number int) RETURNS void LANGUAGE plpgsql AS $$
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
    EXECUTE format('CREATE INDEX messages_%1$s_key ON mq.messages_%1$s (key, appended_at) WHERE key IS NOT NULL', number);
    FOREACH log IN ARRAY ARRAY['messages', 'claims', 'completions'] LOOP
        EXECUTE format('ALTER TABLE mq.%1$s ATTACH PARTITION mq.%1$s_%2$s FOR VALUES FROM (%3$s) TO (%4$s)',
            log, number, base, base + (1::bigint << 40));
    END LOOP;
    INSERT INTO mq.segments (segment) VALUES (number);
END $$;

SELECT mq.make_segment(1);
CREATE VIEW mq.head AS SELECT 1::bigint << 40 AS base;
CREATE VIEW mq.head_messages AS SELECT * FROM mq.messages_1;
CREATE VIEW mq.head_claims AS SELECT * FROM mq.claims_1;

-- Opens the next segment. There are eight million numbers, and none is left out.
CREATE FUNCTION mq.open_segment(number int) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF number IS DISTINCT FROM (SELECT max(segment) + 1 FROM mq.segments) THEN
        RAISE EXCEPTION 'segment % is not the next one', number USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM mq.make_segment(number);
END $$;

-- Makes the newest segment the head. What lies in front of it is remembered per lane, exactly: the exclusive lock on the
-- views means that no send and no claim is under way.
--
-- Sends and claims lock mq.head_messages first, by the statement itself, and mq.head and mq.head_claims after it, in the
-- functions that it calls. A rotation that takes mq.head first and then waits for mq.head_messages waits for senders who
-- wait for it, until it gives up: under steady traffic every time. So it takes the locks in the order of everybody else,
-- and holds none while it waits for the first.
CREATE FUNCTION mq.advance_head(number int) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF number IS DISTINCT FROM (SELECT max(segment) FROM mq.segments) THEN
        RAISE EXCEPTION 'segment % is not the newest one', number USING ERRCODE = 'invalid_parameter_value';
    END IF;
    LOCK TABLE mq.head_messages, mq.head_claims, mq.head IN ACCESS EXCLUSIVE MODE;
    UPDATE mq.lanes l SET
        closed_seq = greatest(l.closed_seq, (SELECT max(m.seq) FROM mq.head_messages m WHERE m.queue = l.queue AND m.lane = l.lane)),
        floor_seq = greatest(l.floor_seq, (SELECT max(c.last_seq) FROM mq.head_claims c WHERE c.queue = l.queue AND c.lane = l.lane));
    EXECUTE format('CREATE OR REPLACE VIEW mq.head AS SELECT %s::bigint << 40 AS base', number);
    EXECUTE format('CREATE OR REPLACE VIEW mq.head_messages AS SELECT * FROM mq.messages_%s', number);
    EXECUTE format('CREATE OR REPLACE VIEW mq.head_claims AS SELECT * FROM mq.claims_%s', number);
END $$;

-- The queues of which a segment still holds a message that isn't finished, each once per lane, so many at the most. Asked at every upkeep
-- for each segment that is old enough to go, so it looks only at what is not known to be finished: per lane, whether the segment's last
-- place is claimed, and the places of claims that end beyond the watermark. A claim lies within one segment, and so do its completions.
CREATE FUNCTION mq.unfinished_in(number int, most int) RETURNS SETOF int LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        'SELECT l.queue FROM mq.lanes l
        CROSS JOIN LATERAL (
            SELECT m.seq AS last FROM mq.messages_%1$s m WHERE m.queue = l.queue AND m.lane = l.lane
            ORDER BY m.seq DESC LIMIT 1) AS stored
        LEFT JOIN LATERAL (
            SELECT c.last_seq AS last FROM mq.claims_%1$s c WHERE c.queue = l.queue AND c.lane = l.lane
            ORDER BY c.last_seq DESC LIMIT 1) AS claimed ON true
        LEFT JOIN LATERAL (
            SELECT c.watermark FROM mq.claims c WHERE c.queue = l.queue AND c.lane = l.lane
            ORDER BY c.last_seq DESC LIMIT 1) AS newest ON true
        LEFT JOIN mq.watermarks kept ON kept.queue = l.queue AND kept.lane = l.lane
        WHERE greatest(newest.watermark, kept.watermark, 0) < stored.last AND (
            claimed.last IS DISTINCT FROM stored.last OR EXISTS (
                SELECT FROM mq.claims_%1$s c, generate_series(c.first_seq, c.last_seq) AS place(seq)
                WHERE c.queue = l.queue AND c.lane = l.lane
                  AND c.last_seq > greatest(newest.watermark, kept.watermark, 0)
                  AND (SELECT d.seq FROM mq.completions_%1$s d
                       WHERE d.queue = l.queue AND d.lane = l.lane AND d.seq = place.seq LIMIT 1) IS NULL))
        LIMIT $1', number) USING most;
END $$;

-- Whether there is any.
CREATE FUNCTION mq.has_unfinished(number int) RETURNS boolean LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'SELECT EXISTS (SELECT FROM mq.unfinished_in(number, 1))';

-- Drops a segment whole, if it isn't the head and all in it is finished: that can't change any more, since only the head gets
-- new messages. Lanes that caught up in it keep their cursor, and their pace: its claims go with it.
CREATE FUNCTION mq.drop_segment(number int) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (number::bigint << 40 < (SELECT base FROM mq.head)) IS NOT TRUE OR mq.has_unfinished(number) THEN
        RAISE EXCEPTION 'segment % is still in use', number USING ERRCODE = 'object_in_use';
    END IF;
    EXECUTE format(
        'UPDATE mq.lanes l SET floor_seq = greatest(l.floor_seq, c.last_seq), paced_until = greatest(l.paced_until, c.paced_until)
         FROM (SELECT queue, lane, max(last_seq) AS last_seq, max(paced_until) AS paced_until
               FROM mq.claims_%s GROUP BY queue, lane) AS c
         WHERE l.queue = c.queue AND l.lane = c.lane AND (l.floor_seq < c.last_seq OR c.paced_until > now())', number);
    EXECUTE format('DROP TABLE mq.messages_%1$s, mq.claims_%1$s, mq.completions_%1$s', number);
    DELETE FROM mq.leases WHERE seq >> 40 = number;
    DELETE FROM mq.segments WHERE segment = number;
END $$;


-- 5. Sending ---------------------------------------------------------------------------------------------------------------

-- Not due yet: delayed sends, retries with a back-off, and sends that found no free lane.
CREATE TABLE mq.scheduled (
    ticket  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    due_at  timestamptz NOT NULL,
    queue   int NOT NULL,
    level   smallint NOT NULL DEFAULT 0,
    attempt smallint NOT NULL,
    id      uuid NOT NULL,
    sent_at timestamptz NOT NULL,
    topic   text,
    key     text,
    tag     text,
    headers jsonb,
    body    bytea NOT NULL
);
CREATE INDEX scheduled_due ON mq.scheduled (queue, due_at);
CREATE INDEX scheduled_id ON mq.scheduled (id);
CREATE INDEX scheduled_key ON mq.scheduled (key, due_at) WHERE key IS NOT NULL;

-- Takes a lane of a queue for writing, until the transaction ends, and tells the place after which to write.
--
-- Without a `wanted` lane, any of the level's that is free; it never waits: when others hold every lane, the answer is a
-- row of NULLs. A `wanted` lane is waited for: that is what keeps the order of a key.
--
-- Called inside of the statement that appends. The lock comes first; the last place is read by a statement of its own
-- after it, with a snapshot that sees whatever the lane's last writer committed. That needs READ COMMITTED: under any
-- other isolation the snapshot is as old as the transaction, so the answer is NULLs there too, or an error.
CREATE FUNCTION mq.take_lane(of_queue int, level int, wanted int, OUT lane smallint, OUT last bigint) LANGUAGE plpgsql AS $$
DECLARE
    lanes int;
    candidate int;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        IF wanted IS NULL THEN RETURN; END IF;
        RAISE EXCEPTION 'sending to a queue that keeps order needs READ COMMITTED' USING ERRCODE = 'invalid_transaction_state';
    END IF;
    IF wanted IS NOT NULL THEN
        PERFORM pg_advisory_xact_lock(mq.lock_class() + of_queue, wanted);
        lane := wanted;
    ELSE
        SELECT q.lanes INTO lanes FROM mq.known_queue(of_queue) q;
        FOR step IN 0..lanes - 1 LOOP
            candidate := level * lanes + (pg_backend_pid() + step) % lanes;
            IF pg_try_advisory_xact_lock(mq.lock_class() + of_queue, candidate) THEN
                lane := candidate;
                EXIT;
            END IF;
        END LOOP;
        IF lane IS NULL THEN RETURN; END IF;
    END IF;
    SELECT h.base + mq.ordinal(coalesce(
            (SELECT m.seq FROM mq.head_messages m WHERE m.queue = of_queue AND m.lane = l.lane ORDER BY m.seq DESC LIMIT 1),
            l.closed_seq))
        INTO last FROM mq.lanes l, mq.head h WHERE l.queue = of_queue AND l.lane = take_lane.lane;
    IF NOT FOUND THEN PERFORM mq.known_queue(of_queue); END IF;
END $$;

-- Appends messages to one lane of a queue: a `wanted` one, or any of the level's that is free, as mq.take_lane would take it.
-- Messages that find no free lane are put aside, due at once: whoever promotes scheduled messages takes them from there.
--
-- The hottest function there is, so it does what mq.take_lane does in its own words: a call of that would cost it a tenth,
-- and so would asking for the number of lanes, which never changes. One message alone has a statement of its own.
CREATE FUNCTION mq.append(of_queue int, lanes int, level int, wanted int, topic text, ids uuid[], keys text[], tags text[],
    headers jsonb[], bodies bytea[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    start int := pg_backend_pid();
    of_lane smallint;
    last bigint;
BEGIN
    IF wanted IS NOT NULL THEN
        SELECT l.lane, l.last INTO of_lane, last FROM mq.take_lane(of_queue, level, wanted) AS l;
    ELSIF current_setting('transaction_isolation') = 'read committed' THEN
        FOR step IN start..start + lanes - 1 LOOP
            IF pg_try_advisory_xact_lock(mq.lock_class() + of_queue, level * lanes + step % lanes) THEN
                of_lane := level * lanes + step % lanes;
                SELECT m.seq INTO last FROM mq.head_messages m WHERE m.queue = of_queue AND m.lane = of_lane
                    ORDER BY m.seq DESC LIMIT 1;
                IF last IS NULL THEN
                    SELECT h.base + mq.ordinal(l.closed_seq) INTO last FROM mq.lanes l, mq.head h
                        WHERE l.queue = of_queue AND l.lane = of_lane;
                    IF NOT FOUND THEN PERFORM mq.known_queue(of_queue); END IF;
                END IF;
                EXIT;
            END IF;
        END LOOP;
    END IF;
    IF of_lane IS NULL THEN
        INSERT INTO mq.scheduled (due_at, queue, level, attempt, id, sent_at, topic, key, tag, headers, body)
            SELECT now(), q.id, level, 1, m.id, now(), topic, m.key, m.tag, m.headers, m.body
            FROM mq.known_queue(of_queue) AS q, unnest(ids, keys, tags, headers, bodies) AS m(id, key, tag, headers, body);
    ELSIF cardinality(ids) = 1 THEN
        INSERT INTO mq.head_messages (seq, queue, lane, attempt, id, sent_at, topic, key, tag, headers, body)
            VALUES (last + 1, of_queue, of_lane, 1, ids[1], now(), topic, keys[1], tags[1], headers[1], bodies[1]);
    ELSE
        INSERT INTO mq.head_messages (seq, queue, lane, attempt, id, sent_at, topic, key, tag, headers, body)
            SELECT last + m.n, of_queue, of_lane, 1, m.id, now(), topic, m.key, m.tag, m.headers, m.body
            FROM unnest(ids, keys, tags, headers, bodies) WITH ORDINALITY AS m(id, key, tag, headers, body, n);
    END IF;
END $$;

-- Appends messages to every queue that hears a topic, as mq.append does to one: a set of lanes, then a set of rows, however many
-- queues there are. Who hears what is decided by the snapshot of the first statement, which also takes the lanes, in the
-- order of queues and lanes, so that two publishers wait for each other in one direction only; the last places are read by
-- the second one, after the locks. Copies that find no free lane, or whose queue has a delay, are put aside by the third.
--
-- Arrays hand over what the statements share: of a copy its queue, level and lane, the number of its message, the mark of its
-- subscription, and its rank among those that go into the same lane. A lane's last place is read once, for the first of them; where
-- each lane gets one, they are spared the sort.
CREATE FUNCTION mq.publish(to_topic text, ids uuid[], keys text[], tags text[], headers jsonb[], bodies bytea[], priorities smallint[])
    RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    may_append boolean := current_setting('transaction_isolation') = 'read committed';
    start int := pg_backend_pid();
    of_queue int[];
    of_level smallint[];
    of_lane smallint[];
    of_message int[];
    of_mark jsonb[];
    of_rank int[];
BEGIN
    SELECT array_agg(l.queue), array_agg(l.level), array_agg(l.lane), array_agg(m.n), array_agg(m.mark), array_agg(m.rank)
        INTO of_queue, of_level, of_lane, of_message, of_mark, of_rank
        FROM (
            SELECT g.queue, g.level, g.messages, g.marks, CASE
                WHEN NOT may_append OR g.delay_ms > 0 THEN NULL
                WHEN g.share IS NOT NULL THEN (SELECT g.share FROM pg_advisory_xact_lock(g.locks, g.share))
                WHEN pg_try_advisory_xact_lock(g.locks, g.first + start % g.lanes) THEN g.first + start % g.lanes
                ELSE (
                    SELECT g.first + step % g.lanes FROM generate_series(start + 1, start + g.lanes - 1) AS step
                    WHERE pg_try_advisory_xact_lock(g.locks, g.first + step % g.lanes) LIMIT 1) END AS lane
            FROM (
                SELECT q.id AS queue, mq.lock_class() + q.id AS locks, q.lanes, q.delay_ms, (m.priority - 1) * q.levels / 16 AS level,
                    (m.priority - 1) * q.levels / 16 * q.lanes AS first,
                    CASE WHEN q.key_order IS NOT NULL THEN mq.shard(coalesce(m.key, m.id::text), q.lanes)::int END AS share,
                    array_agg(m.n ORDER BY m.n, s.name) AS messages, array_agg(s.mark ORDER BY m.n, s.name) AS marks
                FROM mq.topics t JOIN mq.subscriptions s ON s.topic = t.id JOIN mq.queues q ON q.id = s.queue
                JOIN unnest(publish.ids, publish.keys, publish.tags, publish.priorities) WITH ORDINALITY AS m(id, key, tag, priority, n)
                    ON s.tags IS NULL OR m.tag = ANY (s.tags)
                WHERE t.name = to_topic GROUP BY q.id, 5, 7 ORDER BY q.id, 5, 7) AS g) AS l,
            unnest(l.messages, l.marks) WITH ORDINALITY AS m(n, mark, rank);
    -- Nobody need hear a topic, but one that is gone hears nothing: whoever remembers it has to look again.
    IF of_queue IS NULL AND NOT EXISTS (SELECT FROM mq.topics WHERE name = to_topic) THEN
        RAISE EXCEPTION 'there is no topic % in this database any more', to_topic USING ERRCODE = 'serialization_failure';
    END IF;
    IF 1 = ALL (of_rank) THEN
        INSERT INTO mq.head_messages (seq, queue, lane, attempt, id, sent_at, topic, key, tag, headers, body)
            SELECT 1 + coalesce(
                    (SELECT m.seq FROM mq.head_messages m WHERE m.queue = c.queue AND m.lane = c.lane ORDER BY m.seq DESC LIMIT 1),
                    (SELECT h.base + mq.ordinal(l.closed_seq) FROM mq.lanes l, mq.head h WHERE l.queue = c.queue AND l.lane = c.lane),
                    (SELECT NULL::bigint FROM mq.known_queue(c.queue))),
                c.queue, c.lane, 1,
                CASE WHEN c.mark ? 'mq.message' THEN mq.copy_id(ids[c.n], c.mark ->> 'mq.subscription') ELSE ids[c.n] END,
                now(), to_topic, keys[c.n], tags[c.n],
                CASE WHEN c.mark IS NULL THEN headers[c.n] ELSE mq.marked(headers[c.n], c.mark, ids[c.n]) END, bodies[c.n]
            FROM unnest(of_queue, of_lane, of_message, of_mark) AS c(queue, lane, n, mark) WHERE c.lane IS NOT NULL;
    ELSE
        INSERT INTO mq.head_messages (seq, queue, lane, attempt, id, sent_at, topic, key, tag, headers, body)
            SELECT c.rank + first_value(c.last) OVER (PARTITION BY c.queue, c.lane ORDER BY c.rank),
                c.queue, c.lane, 1,
                CASE WHEN c.mark ? 'mq.message' THEN mq.copy_id(ids[c.n], c.mark ->> 'mq.subscription') ELSE ids[c.n] END,
                now(), to_topic, keys[c.n], tags[c.n],
                CASE WHEN c.mark IS NULL THEN headers[c.n] ELSE mq.marked(headers[c.n], c.mark, ids[c.n]) END, bodies[c.n]
            FROM (
                SELECT c.*, CASE WHEN c.rank = 1 THEN coalesce(
                        (SELECT m.seq FROM mq.head_messages m WHERE m.queue = c.queue AND m.lane = c.lane ORDER BY m.seq DESC LIMIT 1),
                        (SELECT h.base + mq.ordinal(l.closed_seq) FROM mq.lanes l, mq.head h WHERE l.queue = c.queue AND l.lane = c.lane),
                        (SELECT NULL::bigint FROM mq.known_queue(c.queue))) END AS last
                FROM unnest(of_queue, of_lane, of_message, of_mark, of_rank) AS c(queue, lane, n, mark, rank) WHERE c.lane IS NOT NULL
                -- Else it would be read for each of them all the same, where the window asks for it.
                OFFSET 0) AS c;
    END IF;
    IF array_position(of_lane, NULL) IS NOT NULL THEN
        IF EXISTS (SELECT FROM mq.queues WHERE id = ANY (of_queue) AND key_order IS NOT NULL) AND NOT may_append THEN
            RAISE EXCEPTION 'sending to a queue that keeps order needs READ COMMITTED' USING ERRCODE = 'invalid_transaction_state';
        END IF;
        INSERT INTO mq.scheduled (due_at, queue, level, attempt, id, sent_at, topic, key, tag, headers, body)
            SELECT now() + q.delay_ms * interval '1 ms', q.id, c.level, 1,
                CASE WHEN c.mark ? 'mq.message' THEN mq.copy_id(ids[c.n], c.mark ->> 'mq.subscription') ELSE ids[c.n] END,
                now(), to_topic, keys[c.n], tags[c.n],
                CASE WHEN c.mark IS NULL THEN headers[c.n] ELSE mq.marked(headers[c.n], c.mark, ids[c.n]) END, bodies[c.n]
            FROM unnest(of_queue, of_level, of_lane, of_message, of_mark) AS c(queue, level, lane, n, mark),
                mq.known_queue(c.queue) AS q
            WHERE c.lane IS NULL;
    END IF;
END $$;

-- Takes a lane for writing for as long as the session lasts, or until it is given back, and tells the lane's last place. A
-- producer that sends one message after the other then knows the next place by itself, and each send is a bare INSERT; the
-- primary key refuses a place that was taken meanwhile, and the head segment one from before it was opened. Then it asks
-- again, with the lane that it has locked.
--
-- As in mq.take_lane, the lock comes first, and the place is read by a statement of its own after it; under another
-- isolation than READ COMMITTED the answer is NULLs. So it is when every lane is taken that may be locked: no more than half
-- of them, since whoever else sends takes a lane for one transaction and must not wait.
CREATE FUNCTION mq.lock_lane(of_queue int, known smallint, OUT lane smallint, OUT last bigint) LANGUAGE plpgsql AS $$
DECLARE
    most int;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN RETURN; END IF;
    SELECT q.lanes / 2 INTO most FROM mq.known_queue(of_queue) q;
    lane := known;
    FOR step IN 1..most LOOP
        EXIT WHEN lane IS NOT NULL;
        IF pg_try_advisory_lock(mq.lock_class() + of_queue, (pg_backend_pid() + step) % most) THEN
            lane := (pg_backend_pid() + step) % most;
        END IF;
    END LOOP;
    IF lane IS NULL THEN RETURN; END IF;
    SELECT m.seq INTO last FROM mq.head_messages m WHERE m.queue = of_queue AND m.lane = lock_lane.lane
        ORDER BY m.seq DESC LIMIT 1;
    IF last IS NULL THEN
        SELECT h.base + mq.ordinal(l.closed_seq) INTO STRICT last FROM mq.lanes l, mq.head h
            WHERE l.queue = of_queue AND l.lane = lock_lane.lane;
    END IF;
END $$;

-- Gives it back.
CREATE FUNCTION mq.unlock_lane(of_queue int, of_lane smallint) RETURNS boolean LANGUAGE sql
    AS 'SELECT pg_advisory_unlock(mq.lock_class() + of_queue, of_lane)';

-- What is sent only once: a queue's keys, each until it expires.
CREATE TABLE mq.sent_keys (
    queue      int NOT NULL REFERENCES mq.queues ON DELETE CASCADE,
    key        text NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (queue, key)
);
CREATE INDEX sent_keys_expiry ON mq.sent_keys (expires_at);

-- The same, of what is published to a topic.
CREATE TABLE mq.published_keys (
    topic      int NOT NULL REFERENCES mq.topics ON DELETE CASCADE,
    key        text NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (topic, key)
);
CREATE INDEX published_keys_expiry ON mq.published_keys (expires_at);


-- Published to a topic, and nobody hears it until whoever prepared it says so; see `half_messages` in the library. Those of a day ago
-- are dropped.
--
-- `check_at` is when its producers are asked what has become of it, and until then the receipt of this turn is good.
CREATE TABLE mq.half_messages (
    number      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    prepared_at timestamptz NOT NULL DEFAULT now(),
    check_at    timestamptz NOT NULL,
    topic       int NOT NULL REFERENCES mq.topics ON DELETE CASCADE,
    turn        int NOT NULL DEFAULT 0,
    priority    smallint NOT NULL,
    id          uuid NOT NULL,
    producers   text NOT NULL,
    key         text,
    tag         text,
    headers     jsonb,
    body        bytea NOT NULL
);
CREATE INDEX half_messages_check ON mq.half_messages (topic, producers, check_at);
CREATE INDEX half_messages_age ON mq.half_messages (prepared_at);


-- 6. Receiving -------------------------------------------------------------------------------------------------------------

-- One row per process start. While it lives it holds the session-level advisory lock (mq.lock_class(), id). Behind a
-- pooler in transaction mode there is no session to hold it, and the heartbeat is the only sign of life; `lease_ms` is how long
-- it may be silent.
CREATE TABLE mq.consumers (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name         text NOT NULL,
    host         text NOT NULL,
    pid          int NOT NULL,
    version      text NOT NULL,
    lease_ms     bigint NOT NULL,
    holds_lock   boolean NOT NULL DEFAULT true,
    started_at   timestamptz NOT NULL DEFAULT now(),
    heartbeat_at timestamptz NOT NULL DEFAULT now(),
    -- Set when it has said goodbye, or when all that it held has been taken from it.
    ended_at     timestamptz,
    -- Of its queues those for which it claims nothing, because a third party is down, with what that said.
    breakers     jsonb
) WITH (fillfactor = 50);
CREATE INDEX consumers_alive ON mq.consumers (id) WHERE ended_at IS NULL;

-- Servers, which receive nothing, as they note themselves for people: nothing is decided by it. One that goes takes its row along;
-- who has fallen silent is forgotten by the others.
CREATE TABLE mq.processes (
    id           uuid PRIMARY KEY,
    name         text NOT NULL,
    host         text NOT NULL,
    pid          int NOT NULL,
    version      text NOT NULL,
    -- Where it listens, as it says itself.
    address      text NOT NULL,
    started_at   timestamptz NOT NULL,
    heartbeat_at timestamptz NOT NULL DEFAULT now(),
    -- What keeps it from being ready.
    troubles     jsonb
) WITH (fillfactor = 50);

-- The lane's last claimed place, wherever it lies.
CREATE FUNCTION mq.cursor(of_queue int, of_lane smallint) RETURNS bigint LANGUAGE plpgsql STABLE
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off AS $$
BEGIN
    RETURN greatest(
        (SELECT l.floor_seq FROM mq.lanes l WHERE l.queue = of_queue AND l.lane = of_lane),
        (SELECT c.last_seq FROM mq.claims c WHERE c.queue = of_queue AND c.lane = of_lane ORDER BY c.last_seq DESC LIMIT 1));
END $$;

-- Whether a lane holds a place that is claimed and not finished, given that all before its newest claim is finished. Claims of nobody
-- (below zero) are an operator's, who completes what he claims: they may stand behind one that is in flight.
CREATE FUNCTION mq.is_open(of_queue int, of_lane smallint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    newest record;
BEGIN
    SELECT c.first_seq, c.last_seq, c.places INTO newest FROM mq.claims c
        WHERE c.queue = of_queue AND c.lane = of_lane AND c.consumer >= 0 ORDER BY c.last_seq DESC LIMIT 1;
    RETURN FOUND AND newest.places > (SELECT count(*) FROM mq.completions d
        WHERE d.queue = of_queue AND d.lane = of_lane AND d.seq BETWEEN newest.first_seq AND newest.last_seq);
END $$;

-- Locks lanes that have something to claim, until the transaction ends, and tells each one's cursor.
-- Lanes that another consumer is claiming from are skipped, and in a queue that keeps order those with a place in
-- flight. The cursors are read after the locks, by statements of their own: what the last claimer committed is seen. A
-- lane with unclaimed places in front of the head is `behind`, and its cursor is then beyond everything in the head.
-- Lanes of level `first` come first, then the others by urgency; within a level from lane `start` on.
CREATE FUNCTION mq.take_lanes(of_queue int, start int, most int, first int)
    RETURNS TABLE (lane smallint, place bigint, behind boolean) LANGUAGE plpgsql AS $$
DECLARE
    taken record;
BEGIN
    FOR taken IN
        SELECT l.lane, l.closed_seq, l.floor_seq, q.key_order FROM mq.lanes l JOIN mq.queues q ON q.id = l.queue
        WHERE l.queue = of_queue AND q.paused_at IS NULL AND (
            EXISTS (SELECT FROM mq.head_messages m WHERE m.queue = l.queue AND m.lane = l.lane AND m.seq >
                coalesce((SELECT c.last_seq FROM mq.head_claims c WHERE c.queue = l.queue AND c.lane = l.lane
                          ORDER BY c.last_seq DESC LIMIT 1), 0))
            OR (l.floor_seq < l.closed_seq AND NOT EXISTS (
                SELECT FROM mq.head_claims c WHERE c.queue = l.queue AND c.lane = l.lane)))
        ORDER BY q.levels > 1 AND l.lane / q.lanes <> first, CASE WHEN q.levels > 1 THEN l.lane / q.lanes END,
            (l.lane + start) % q.lanes
        LIMIT most FOR UPDATE OF l SKIP LOCKED
    LOOP
        CONTINUE WHEN taken.key_order IS NOT NULL AND mq.is_open(of_queue, taken.lane);
        lane := taken.lane;
        SELECT c.last_seq INTO place FROM mq.head_claims c
            WHERE c.queue = of_queue AND c.lane = taken.lane ORDER BY c.last_seq DESC LIMIT 1;
        behind := place IS NULL AND taken.floor_seq < taken.closed_seq;
        place := CASE WHEN behind THEN 9223372036854775807 ELSE coalesce(place, taken.floor_seq) END;
        RETURN NEXT;
    END LOOP;
    IF NOT FOUND THEN PERFORM mq.known_queue(of_queue); END IF;
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

-- The last place of a lane that was appended before a time, or one before all of them: found by bisection, since places are dense
-- and, but for the length of transactions, in the order of their times. Looks at one segment, the head of that time.
CREATE FUNCTION mq.place_at(of_queue int, of_lane smallint, at timestamptz) RETURNS bigint LANGUAGE plpgsql STABLE STRICT
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off AS $$
DECLARE
    base bigint := coalesce((SELECT max(s.segment)::bigint << 40 FROM mq.segments s WHERE s.opened_at <= at), 0);
    low bigint;
    high bigint;
    middle bigint;
BEGIN
    SELECT m.seq - 1 INTO low FROM mq.messages m WHERE m.queue = of_queue AND m.lane = of_lane
        AND m.seq >= base AND m.seq < base + (1::bigint << 40) ORDER BY m.seq LIMIT 1;
    IF low IS NULL THEN RETURN base; END IF;
    SELECT m.seq INTO high FROM mq.messages m WHERE m.queue = of_queue AND m.lane = of_lane
        AND m.seq >= base AND m.seq < base + (1::bigint << 40) ORDER BY m.seq DESC LIMIT 1;
    -- A lane that has been idle since then costs no bisection.
    IF (SELECT m.appended_at FROM mq.messages m WHERE m.queue = of_queue AND m.lane = of_lane AND m.seq = high) < at THEN
        RETURN high;
    END IF;
    WHILE low < high LOOP
        middle := low + (high - low + 1) / 2;
        IF (SELECT m.appended_at FROM mq.messages m WHERE m.queue = of_queue AND m.lane = of_lane AND m.seq = middle) < at THEN
            low := middle;
        ELSE
            high := middle - 1;
        END IF;
    END LOOP;
    RETURN low;
END $$;

-- The last place of a lane that was claimed before a time, or one before all of them, found in the same way. What was claimed after
-- then from a segment that was older by then counts as claimed before it.
CREATE FUNCTION mq.claimed_at(of_queue int, of_lane smallint, at timestamptz) RETURNS bigint LANGUAGE plpgsql STABLE STRICT
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off AS $$
DECLARE
    base bigint := coalesce((SELECT max(s.segment)::bigint << 40 FROM mq.segments s WHERE s.opened_at <= at), 0);
    low bigint;
    middle record;
    newest record;
BEGIN
    SELECT c.first_seq - 1 INTO low FROM mq.claims c WHERE c.queue = of_queue AND c.lane = of_lane
        AND c.last_seq >= base AND c.last_seq < base + (1::bigint << 40) ORDER BY c.last_seq LIMIT 1;
    IF low IS NULL THEN RETURN base; END IF;
    SELECT c.last_seq, c.claimed_at INTO newest FROM mq.claims c WHERE c.queue = of_queue AND c.lane = of_lane
        AND c.last_seq >= base AND c.last_seq < base + (1::bigint << 40) ORDER BY c.last_seq DESC LIMIT 1;
    IF newest.claimed_at < at THEN RETURN newest.last_seq; END IF;
    WHILE low < newest.last_seq LOOP
        SELECT c.first_seq, c.last_seq, c.claimed_at INTO middle FROM mq.claims c WHERE c.queue = of_queue AND c.lane = of_lane
            AND c.last_seq > low + (newest.last_seq - low) / 2 ORDER BY c.last_seq LIMIT 1;
        IF middle.claimed_at < at THEN
            low := middle.last_seq;
        ELSE
            newest.last_seq := middle.first_seq - 1;
        END IF;
    END LOOP;
    RETURN low;
END $$;


-- 7. Queues that keep order ------------------------------------------------------------------------------------------------

-- Keys that wait: a message failed, and what comes after it is held back.
CREATE TABLE mq.blocked_keys (
    queue     int NOT NULL REFERENCES mq.queues ON DELETE CASCADE,
    -- How many of its messages are in the log again, and not finished.
    replaying int NOT NULL DEFAULT 0,
    since     timestamptz NOT NULL DEFAULT now(),
    -- When the first held message is delivered again; infinity: when an operator says so.
    retry_at  timestamptz NOT NULL,
    -- Its first message has gone well since it failed: the rest may follow in one go.
    is_moving boolean NOT NULL DEFAULT false,
    key       text NOT NULL,
    error     text,
    PRIMARY KEY (queue, key)
) WITH (fillfactor = 50);
CREATE INDEX blocked_keys_due ON mq.blocked_keys (queue, retry_at) WHERE replaying = 0;

-- The messages of blocked keys, in the order of their first places.
CREATE TABLE mq.held (
    rank     bigint NOT NULL,
    queue    int NOT NULL,
    attempt  smallint NOT NULL,
    id       uuid NOT NULL,
    sent_at  timestamptz NOT NULL,
    key      text NOT NULL,
    topic    text,
    tag      text,
    headers  jsonb,
    body     bytea NOT NULL,
    PRIMARY KEY (queue, key, rank)
);
CREATE INDEX held_id ON mq.held (id);
CREATE INDEX held_key ON mq.held (key, rank);

-- Claims the next places of a queue that keeps order, at most `most`, and answers them but for those of blocked keys:
-- these are held back at once, and a row without a seq stands for them, so that an answer of nothing means nothing is there.
--
-- Lane by lane: the lane's row is locked by mq.take_lanes, and each statement here sees what was committed before that.
-- A blocked key's row is locked against mq.pass, which would otherwise unblock it while a message joins the held ones.
CREATE FUNCTION mq.claim_in_order(of_queue int, start int, most int, of_consumer bigint, lease float8, watermarks bigint[],
    paced_from timestamptz, pace float8) RETURNS SETOF mq.messages LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off AS $$
DECLARE
    shards int := (SELECT lanes FROM mq.queues WHERE id = of_queue);
    taken record;
    claimed int := 0;
    first bigint;
    last bigint;
    count int;
    back bigint[];
BEGIN
    FOR taken IN SELECT * FROM mq.take_lanes(of_queue, start, 64, 0) LOOP
        IF taken.behind THEN
            SELECT min(m.seq), max(m.seq), count(*) INTO first, last, count FROM mq.read_behind(of_queue, taken.lane, most - claimed) AS m;
        ELSE
            SELECT min(m.seq), max(m.seq), count(*) INTO first, last, count FROM (
                SELECT h.seq FROM mq.head_messages h WHERE h.queue = of_queue AND h.lane = taken.lane AND h.seq > taken.place
                ORDER BY h.seq LIMIT most - claimed) AS m;
        END IF;
        CONTINUE WHEN count = 0;
        claimed := claimed + count;
        INSERT INTO mq.claims (last_seq, first_seq, queue, lane, places, consumer, lease_until, watermark, paced_until)
            VALUES (last, first, of_queue, taken.lane, count, of_consumer, now() + make_interval(secs => lease),
                coalesce(watermarks[taken.lane + 1], 0), paced_from + make_interval(secs => pace * claimed));
        IF taken.lane < shards THEN
            PERFORM FROM mq.blocked_keys b WHERE b.queue = of_queue AND b.key IN (
                SELECT m.key FROM mq.messages m WHERE m.queue = of_queue AND m.lane = taken.lane AND m.seq BETWEEN first AND last)
                ORDER BY b.key FOR UPDATE;
            back := ARRAY(SELECT m.seq FROM mq.messages m JOIN mq.blocked_keys b ON b.queue = m.queue AND b.key = m.key
                WHERE m.queue = of_queue AND m.lane = taken.lane AND m.seq BETWEEN first AND last ORDER BY m.seq);
        ELSE
            -- Its key has failed again since it was put into the log.
            back := ARRAY(SELECT m.seq FROM mq.messages m
                WHERE m.queue = of_queue AND m.lane = taken.lane AND m.seq BETWEEN first AND last AND EXISTS (
                    SELECT FROM mq.held h WHERE h.queue = m.queue AND h.key = m.key AND h.rank < m.rank)
                ORDER BY m.seq);
        END IF;
        IF back <> '{}' THEN
            INSERT INTO mq.completions (queue, lane, seq, outcome) SELECT of_queue, taken.lane, seq, 'h' FROM unnest(back) AS seq;
            PERFORM mq.hold(of_queue, array_fill(taken.lane, ARRAY[cardinality(back)]), back, NULL, NULL, NULL);
            RETURN NEXT NULL;
        END IF;
        RETURN QUERY SELECT * FROM mq.messages m
            WHERE m.queue = of_queue AND m.lane = taken.lane AND m.seq BETWEEN first AND last AND NOT EXISTS (
                SELECT FROM mq.completions d WHERE d.queue = m.queue AND d.lane = m.lane AND d.seq = m.seq)
            ORDER BY m.seq;
        EXIT WHEN claimed >= most;
    END LOOP;
END $$;

-- Holds back messages that are completed as anything but done or dead, and blocks their keys. The caller has written the
-- completions. A delay says when the key is to be tried again: infinity waits for an operator. Those that only stand
-- behind the one that failed have no delay, and leave the key as it is.
CREATE FUNCTION mq.hold(of_queue int, of_lanes smallint[], seqs bigint[], attempts smallint[], delays float8[], errors text[])
    RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    shards int := (SELECT lanes FROM mq.queues WHERE id = of_queue);
BEGIN
    INSERT INTO mq.blocked_keys AS b (queue, key, retry_at, error)
        SELECT of_queue, m.key, coalesce(
                max(CASE WHEN p.delay = 'infinity' THEN 'infinity' ELSE now() + make_interval(secs => p.delay) END), '-infinity'),
            max(p.error)
        FROM unnest(of_lanes, seqs, delays, errors) AS p(lane, seq, delay, error)
        JOIN mq.messages m ON m.queue = of_queue AND m.lane = p.lane AND m.seq = p.seq
        GROUP BY m.key ORDER BY m.key
        ON CONFLICT (queue, key) DO UPDATE SET
            retry_at = CASE WHEN excluded.retry_at = '-infinity' THEN b.retry_at ELSE excluded.retry_at END,
            error = coalesce(excluded.error, b.error), is_moving = b.is_moving AND excluded.retry_at = '-infinity';
    INSERT INTO mq.held (queue, key, rank, attempt, id, sent_at, topic, tag, headers, body)
        SELECT m.queue, m.key, coalesce(m.rank, m.seq), coalesce(p.attempt, m.attempt), m.id, m.sent_at, m.topic, m.tag, m.headers, m.body
        FROM unnest(of_lanes, seqs, attempts) AS p(lane, seq, attempt)
        JOIN mq.messages m ON m.queue = of_queue AND m.lane = p.lane AND m.seq = p.seq;
    UPDATE mq.blocked_keys b SET replaying = b.replaying - gone.count FROM (
        SELECT m.key, count(*) AS count FROM unnest(of_lanes, seqs) AS p(lane, seq)
        JOIN mq.messages m ON m.queue = of_queue AND m.lane = p.lane AND m.seq = p.seq
        WHERE p.lane >= shards GROUP BY m.key) AS gone
        WHERE b.queue = of_queue AND b.key = gone.key;
END $$;

-- Notes that messages which were delivered anew are done, or dead: their keys go on, or are free.
CREATE FUNCTION mq.pass(of_queue int, of_lanes smallint[], seqs bigint[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    shards int := (SELECT lanes FROM mq.queues WHERE id = of_queue);
    passed text[] := ARRAY(SELECT m.key FROM unnest(of_lanes, seqs) AS p(lane, seq)
        JOIN mq.messages m ON m.queue = of_queue AND m.lane = p.lane AND m.seq = p.seq WHERE p.lane >= shards);
BEGIN
    PERFORM FROM mq.blocked_keys WHERE queue = of_queue AND key = ANY (passed) ORDER BY key FOR UPDATE;
    UPDATE mq.blocked_keys b SET replaying = b.replaying - gone.count, is_moving = true
        FROM (SELECT key, count(*) AS count FROM unnest(passed) AS key GROUP BY key) AS gone
        WHERE b.queue = of_queue AND b.key = gone.key;
    -- A statement of its own: it sees what was held back until the rows were locked.
    DELETE FROM mq.blocked_keys b WHERE b.queue = of_queue AND b.key = ANY (passed) AND b.replaying = 0
        AND NOT EXISTS (SELECT FROM mq.held h WHERE h.queue = b.queue AND h.key = b.key);
END $$;

-- Puts held messages of keys that are due into the log again: of a key that failed its first message, and, once that went
-- well, at most `most` of the rest. Keys and lanes that others are busy with are left to them.
-- Answers how many were moved, and the seconds until the next key is due.
CREATE FUNCTION mq.replay(of_queue int, most int, OUT moved bigint, OUT next_due float8) LANGUAGE plpgsql AS $$
DECLARE
    shards int := (SELECT lanes FROM mq.queues WHERE id = of_queue);
    due record;
    to_lane int;
    after bigint;
    count int;
BEGIN
    moved := 0;
    FOR due IN SELECT b.key, b.is_moving FROM mq.blocked_keys b
        WHERE b.queue = of_queue AND b.replaying = 0 AND b.retry_at <= now() ORDER BY b.retry_at LIMIT 100 FOR UPDATE SKIP LOCKED
    LOOP
        to_lane := shards + mq.shard(due.key, shards);
        CONTINUE WHEN NOT pg_try_advisory_xact_lock(mq.lock_class() + of_queue, to_lane);
        SELECT l.last INTO STRICT after FROM mq.take_lane(of_queue, 0, to_lane) AS l;
        WITH again AS (
            DELETE FROM mq.held h WHERE h.queue = of_queue AND h.key = due.key AND h.rank IN (
                SELECT f.rank FROM mq.held f WHERE f.queue = of_queue AND f.key = due.key
                ORDER BY f.rank LIMIT CASE WHEN due.is_moving THEN most ELSE 1 END)
            RETURNING h.*)
        INSERT INTO mq.head_messages (seq, queue, lane, attempt, id, sent_at, topic, key, tag, headers, body, rank)
            SELECT after + row_number() OVER (ORDER BY a.rank), a.queue, to_lane, a.attempt, a.id, a.sent_at, a.topic, a.key, a.tag,
                a.headers, a.body, a.rank
            FROM again a;
        GET DIAGNOSTICS count = ROW_COUNT;
        IF count = 0 THEN
            DELETE FROM mq.blocked_keys b WHERE b.queue = of_queue AND b.key = due.key;
        ELSE
            UPDATE mq.blocked_keys b SET replaying = count WHERE b.queue = of_queue AND b.key = due.key;
        END IF;
        moved := moved + count;
    END LOOP;
    SELECT extract(epoch FROM b.retry_at - now()) INTO next_due FROM mq.blocked_keys b
        WHERE b.queue = of_queue AND b.replaying = 0 AND b.retry_at > now() AND b.retry_at < 'infinity' ORDER BY b.retry_at LIMIT 1;
END $$;


-- 8. Given up --------------------------------------------------------------------------------------------------------------

CREATE TABLE mq.dead_letters (
    ticket   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    died_at  timestamptz NOT NULL DEFAULT now(),
    queue    int NOT NULL,
    level    smallint NOT NULL DEFAULT 0,
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
-- Also counts them by reason, without reading what they say.
CREATE INDEX dead_letters_reason ON mq.dead_letters (queue, reason, died_at);
CREATE INDEX dead_letters_id ON mq.dead_letters (id);
CREATE INDEX dead_letters_key ON mq.dead_letters (key, died_at) WHERE key IS NOT NULL;

-- What operators did, each with who and through what, where the program said so. Names of queues, not their numbers: it stays
-- when the queue is gone. Written in the transaction that does it.
CREATE TABLE mq.operator_actions (
    number   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    began_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    -- Of one that takes several transactions: when its process last gave a sign of life.
    beat_at  timestamptz NOT NULL DEFAULT now(),
    messages bigint NOT NULL DEFAULT 0,
    -- How many it is about, where that is known when it begins.
    matched  bigint,
    -- What an operator wants of it: pause or stop; NULL: that it goes on.
    wanted   text CHECK (wanted IN ('pause', 'stop')),
    -- How many messages a second it may move at the most; NULL: as many as it can.
    rate     float8 CHECK (rate > 0),
    verb     text NOT NULL,
    queue    text,
    operator text,
    via      text,
    role     text NOT NULL DEFAULT session_user,
    detail   jsonb
);
-- Pages of what one person did, of what was done to one queue, and of what was done by one verb, each the latest first.
CREATE INDEX operator_actions_person ON mq.operator_actions (coalesce(operator, role), number);
CREATE INDEX operator_actions_queue ON mq.operator_actions (queue, number) WHERE queue IS NOT NULL;
CREATE INDEX operator_actions_verb ON mq.operator_actions (verb, number);

-- Keys of gateways. The secret is sealed by the gateway, with a key that is not in the database; permissions mean something to it alone.
CREATE TABLE mq.access_keys (
    id              text PRIMARY KEY,
    label           text NOT NULL,
    secret          bytea NOT NULL,
    permissions     jsonb NOT NULL,
    rate_per_second double precision CHECK (rate_per_second > 0),
    created_at      timestamptz NOT NULL DEFAULT now(),
    rotated_at      timestamptz,
    revoked_at      timestamptz,
    last_used_at    timestamptz
);

-- What redrives sent back, to tell what became of each. Forgotten after a month.
CREATE TABLE mq.redriven (
    action bigint NOT NULL,
    ticket bigint NOT NULL,
    id     uuid NOT NULL,
    queue  int NOT NULL,
    PRIMARY KEY (action, ticket)
);


-- 9. Numbers ---------------------------------------------------------------------------------------------------------------

-- How many rows the tables beside the log hold per queue, as a sum of changes: exact, without counting them.
-- Appended per statement, folded together by the upkeep.
CREATE TABLE mq.tallies (
    queue  int NOT NULL,
    -- s scheduled, r scheduled for another attempt, h held, k blocked keys, f dead letters; ever: p purged, o outdated
    kind   "char" NOT NULL,
    change bigint NOT NULL
);
-- Its rows have no name, and need none: whoever replicates the database compares them whole.
ALTER TABLE mq.tallies REPLICA IDENTITY FULL;

CREATE FUNCTION mq.tally() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO mq.tallies (queue, kind, change)
        SELECT queue, TG_ARGV[0]::"char", CASE TG_OP WHEN 'INSERT' THEN count(*) ELSE -count(*) END FROM changed GROUP BY queue;
    RETURN NULL;
END $$;
CREATE FUNCTION mq.tally_scheduled() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO mq.tallies (queue, kind, change)
        SELECT queue, CASE WHEN attempt > 1 THEN 'r' ELSE 's' END, CASE TG_OP WHEN 'INSERT' THEN count(*) ELSE -count(*) END
        FROM changed GROUP BY 1, 2;
    RETURN NULL;
END $$;

CREATE TRIGGER scheduled_added AFTER INSERT ON mq.scheduled REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION mq.tally_scheduled();
CREATE TRIGGER scheduled_removed AFTER DELETE ON mq.scheduled REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION mq.tally_scheduled();
CREATE TRIGGER held_added AFTER INSERT ON mq.held REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION mq.tally('h');
CREATE TRIGGER held_removed AFTER DELETE ON mq.held REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION mq.tally('h');
CREATE TRIGGER blocked_keys_added AFTER INSERT ON mq.blocked_keys REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION mq.tally('k');
CREATE TRIGGER blocked_keys_removed AFTER DELETE ON mq.blocked_keys REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION mq.tally('k');
CREATE TRIGGER dead_letters_added AFTER INSERT ON mq.dead_letters REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION mq.tally('f');
CREATE TRIGGER dead_letters_removed AFTER DELETE ON mq.dead_letters REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION mq.tally('f');

-- What workers do now and then for everybody, and how it went. `failing_since` is the first failure since it went well, or since
-- it only waited; `waiting_since` is when, since it went well, somebody's lock first kept it from being done.
CREATE TABLE mq.chores (
    name          text PRIMARY KEY,
    done_at       timestamptz,
    failing_since timestamptz,
    waiting_since timestamptz,
    error         text
) WITH (fillfactor = 50);

-- Deleting a queue deletes all that is in it. Waits for whoever is just finishing, sending or scheduling: afterwards, who remembers
-- the queue's id can neither find a place for a message nor complete one, nor leave anything behind. The log comes first, since that may
-- take long, and the lock on what is scheduled holds up other queues. Keys come before what is held, as with everybody else.
CREATE FUNCTION mq.empty_queue() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    part regclass;
BEGIN
    PERFORM pg_advisory_xact_lock(mq.lock_class() + OLD.id, 1001);
    PERFORM pg_advisory_xact_lock(mq.lock_class() + OLD.id, lane) FROM generate_series(0, 63) AS lane;
    PERFORM FROM mq.lanes l WHERE l.queue = OLD.id ORDER BY l.lane FOR UPDATE;
    FOREACH part IN ARRAY ARRAY['mq.messages', 'mq.claims', 'mq.completions', 'mq.leases']::regclass[] LOOP
        EXECUTE format('DELETE FROM %s WHERE queue = $1', part) USING OLD.id;
    END LOOP;
    LOCK TABLE mq.scheduled IN SHARE ROW EXCLUSIVE MODE;
    FOREACH part IN ARRAY ARRAY['mq.scheduled', 'mq.blocked_keys', 'mq.held', 'mq.dead_letters']::regclass[] LOOP
        EXECUTE format('DELETE FROM %s WHERE queue = $1', part) USING OLD.id;
    END LOOP;
    -- Who folds them would leave their sum behind.
    PERFORM pg_advisory_xact_lock(mq.lock_class(), -1);
    DELETE FROM mq.tallies WHERE queue = OLD.id;
    -- One at a time, by that lock. Comes last: from here on, until they have looked again, all who finish ask whether their queue is there.
    UPDATE mq.identity SET deletions = setval('mq.deletions', deletions + 1);
    RETURN OLD;
END $$;
CREATE TRIGGER queues_emptied BEFORE DELETE ON mq.queues FOR EACH ROW EXECUTE FUNCTION mq.empty_queue();

-- The same for who may operate queues, and delete no row of the log: a whole queue, by its name. Answers the id that it had.
CREATE FUNCTION mq.delete_queue(queue_name text) RETURNS SETOF int LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- Waits with nothing locked: who finishes may yet refer to the queue's row, which the deletion itself locks first.
    PERFORM pg_advisory_xact_lock(mq.lock_class() + q.id, 1001) FROM mq.queues q WHERE q.name = queue_name;
    RETURN QUERY DELETE FROM mq.queues q WHERE q.name = queue_name RETURNING q.id;
END $$;


-- 10. Rights, and the record -----------------------------------------------------------------------------------------------

REVOKE ALL ON FUNCTION mq.open_segment(int), mq.advance_head(int), mq.unfinished_in(int, int), mq.has_unfinished(int),
    mq.drop_segment(int), mq.delete_queue(text) FROM PUBLIC;

-- Gives the schema and all that is in it to a role, which the caller has to be a member of: whoever owns it may change it, and
-- what it lends to workers is done with its rights. Safe to repeat: what is the role's already is not locked.
CREATE FUNCTION mq.give_to(owner text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    taker regrole := quote_ident(owner)::regrole;
    thing record;
BEGIN
    -- No segment comes or goes meanwhile.
    PERFORM pg_advisory_xact_lock(mq.lock_class(), 0);
    IF EXISTS (SELECT FROM pg_namespace WHERE nspname = 'mq' AND nspowner <> taker) THEN
        EXECUTE format('ALTER SCHEMA mq OWNER TO %s', taker);
    END IF;
    FOR thing IN
        SELECT CASE relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END AS kind, oid::regclass::text AS name
        FROM pg_class WHERE relkind IN ('r', 'p', 'v') AND relnamespace = 'mq'::regnamespace AND relowner <> taker
        UNION ALL
        SELECT 'FUNCTION', oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'mq'::regnamespace AND proowner <> taker
    LOOP
        EXECUTE format('ALTER %s %s OWNER TO %s', thing.kind, thing.name, taker);
    END LOOP;
END $$;

-- Lets a role send, receive and operate, and nothing else: for the processes of an application, which then can neither change
-- the schema nor what was recorded of it. What was lent before and isn't any more is taken back. To be called by the schema's
-- owner; safe to repeat, and to be repeated after each migration.
CREATE FUNCTION mq.lend_to(worker text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    taker regrole := quote_ident(worker)::regrole;
BEGIN
    PERFORM pg_advisory_xact_lock(mq.lock_class(), 0);
    EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA mq FROM %s', taker);
    EXECUTE format('REVOKE ALL ON ALL SEQUENCES IN SCHEMA mq FROM %s', taker);
    EXECUTE format('REVOKE ALL ON SCHEMA mq FROM %s', taker);
    EXECUTE format('GRANT USAGE ON SCHEMA mq TO %s', taker);
    EXECUTE format('GRANT SELECT ON mq.migrations, mq.identity, mq.deletions, mq.segments, mq.head, mq.head_claims TO %s', taker);
    EXECUTE format('GRANT UPDATE (labels) ON mq.identity TO %s', taker);
    EXECUTE format('GRANT SELECT, INSERT ON mq.messages, mq.head_messages, mq.completions TO %s', taker);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE ON mq.queues, mq.lanes, mq.watermarks, mq.consumers, mq.claims,
        mq.chores TO %s', taker);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON mq.topics, mq.subscriptions, mq.half_messages, mq.leases, mq.scheduled, mq.held,
        mq.blocked_keys, mq.dead_letters, mq.sent_keys, mq.published_keys, mq.tallies, mq.redriven, mq.processes TO %s', taker);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE (secret, rotated_at, revoked_at, last_used_at) ON mq.access_keys TO %s', taker);
    -- What was recorded of operators stays as it is, but for how far an action has come, and whether it is to go on.
    EXECUTE format('GRANT SELECT, INSERT, UPDATE (ended_at, beat_at, messages, wanted, rate) ON mq.operator_actions TO %s', taker);
    EXECUTE format('GRANT EXECUTE ON FUNCTION mq.open_segment(int), mq.advance_head(int), mq.unfinished_in(int, int),
        mq.has_unfinished(int), mq.drop_segment(int), mq.delete_queue(text) TO %s', taker);
END $$;

INSERT INTO mq.migrations (line, number, name, works_with) VALUES ('message-queue', 1, '0001_message_queue', 1);
