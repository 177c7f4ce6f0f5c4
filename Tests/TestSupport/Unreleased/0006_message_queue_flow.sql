-- Flow of messages: priorities, queues that keep the order of a key, limits of a queue.
--
-- A queue with priorities has a set of lanes for each level: lane = level * lanes + n. A queue that keeps order has a lane
-- for each share of its keys (0 to lanes - 1), and as many again in which the messages of keys that had failed are
-- delivered anew. Nothing here costs a queue that uses none of it more than a comparison.

ALTER TABLE mq.queues
    ADD COLUMN levels smallint NOT NULL DEFAULT 1 CHECK (levels BETWEEN 1 AND 3),
    -- NULL keeps no order; b blocks a key whose message failed for good, s skips the message to the dead letters
    ADD COLUMN key_order "char" CHECK (key_order IN ('b', 's')),
    ADD COLUMN concurrency_limit int CHECK (concurrency_limit > 0),
    ADD COLUMN rate_limit double precision CHECK (rate_limit > 0),
    ADD COLUMN burst int CHECK (burst > 0),
    ADD CONSTRAINT queues_lanes_in_all CHECK (lanes * levels * CASE WHEN key_order IS NULL THEN 1 ELSE 2 END <= 64);

ALTER TABLE mq.deferred ADD COLUMN level smallint NOT NULL DEFAULT 0;
ALTER TABLE mq.dead_letters ADD COLUMN level smallint NOT NULL DEFAULT 0;
-- The place that a message had before it was held back; NULL for one that never was.
ALTER TABLE mq.messages ADD COLUMN rank bigint;
-- A queue with a rate: until when what was claimed so far takes, at that rate.
ALTER TABLE mq.claims ADD COLUMN paced_until timestamptz;

DO $$
DECLARE
    head int := (SELECT max(segment) FROM mq.segments);
BEGIN
    EXECUTE format('CREATE OR REPLACE VIEW mq.head_messages AS SELECT * FROM mq.messages_%s', head);
    EXECUTE format('CREATE OR REPLACE VIEW mq.head_claims AS SELECT * FROM mq.claims_%s', head);
END $$;

-- Keys of ordered queues that wait: a message failed, and what comes after it is held back.
CREATE TABLE mq.blocked_keys (
    queue     int NOT NULL REFERENCES mq.queues ON DELETE CASCADE,
    key       text NOT NULL,
    since     timestamptz NOT NULL DEFAULT now(),
    -- When the first held message is delivered again; infinity: when an operator says so.
    retry_at  timestamptz NOT NULL,
    -- How many of its messages are in the log again, and not finished.
    replaying int NOT NULL DEFAULT 0,
    -- Its first message has gone well since it failed: the rest may follow in one go.
    is_moving boolean NOT NULL DEFAULT false,
    error     text,
    PRIMARY KEY (queue, key)
) WITH (fillfactor = 50);
CREATE INDEX blocked_keys_due ON mq.blocked_keys (queue, retry_at) WHERE replaying = 0;

-- The messages of blocked keys, in the order of their first places.
CREATE TABLE mq.held (
    queue    int NOT NULL,
    key      text NOT NULL,
    rank     bigint NOT NULL,
    attempt  smallint NOT NULL,
    id       uuid NOT NULL,
    sent_at  timestamptz NOT NULL,
    topic    text,
    tag      text,
    headers  jsonb,
    body     bytea NOT NULL,
    PRIMARY KEY (queue, key, rank)
);
CREATE INDEX held_id ON mq.held (id);
CREATE INDEX held_key ON mq.held (key);
CREATE TRIGGER held_added AFTER INSERT ON mq.held REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION mq.count_added('h');
CREATE TRIGGER held_removed AFTER DELETE ON mq.held REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION mq.count_removed('h');
CREATE TRIGGER blocked_keys_added AFTER INSERT ON mq.blocked_keys REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION mq.count_added('k');
CREATE TRIGGER blocked_keys_removed AFTER DELETE ON mq.blocked_keys REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION mq.count_removed('k');

-- The lane that a key's messages go through. The hash is the one that the server's own hash partitions rest on, so it
-- stays the same over its versions.
CREATE FUNCTION mq.shard(key text, lanes int) RETURNS smallint LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS 'SELECT ((hashtextextended($1, 0) & 9223372036854775807) % $2)::smallint';

-- Takes a lane of a queue for writing, until the transaction ends, and tells the place after which to write.
--
-- Without a `wanted` lane, any of the level's that is free; it never waits: when others hold every lane, the answer is a
-- row of NULLs. A `wanted` lane is waited for: that is what keeps the order of a key.
--
-- Called inside of the statement that appends. The lock comes first; the last place is read by a statement of its own
-- after it, with a snapshot that sees whatever the lane's last writer committed. That needs READ COMMITTED: under any
-- other isolation the snapshot is as old as the transaction, so the answer is NULLs there too, or an error.
DROP FUNCTION mq.take_lane(int);
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
        PERFORM pg_advisory_xact_lock(1836122112 + of_queue, wanted);
        lane := wanted;
    ELSE
        SELECT q.lanes INTO STRICT lanes FROM mq.queues q WHERE q.id = of_queue;
        FOR step IN 0..lanes - 1 LOOP
            candidate := level * lanes + (pg_backend_pid() + step) % lanes;
            IF pg_try_advisory_xact_lock(1836122112 + of_queue, candidate) THEN
                lane := candidate;
                EXIT;
            END IF;
        END LOOP;
        IF lane IS NULL THEN RETURN; END IF;
    END IF;
    SELECT h.base + mq.ordinal(coalesce(
            (SELECT m.seq FROM mq.head_messages m WHERE m.queue = of_queue AND m.lane = l.lane ORDER BY m.seq DESC LIMIT 1),
            l.closed_seq))
        INTO STRICT last FROM mq.lanes l, mq.head h WHERE l.queue = of_queue AND l.lane = take_lane.lane;
END $$;

-- Whether a lane holds a place that is claimed and not finished, given that all before its newest claim is finished.
CREATE FUNCTION mq.is_open(of_queue int, of_lane smallint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    newest record;
BEGIN
    SELECT c.first_seq, c.last_seq, c.places INTO newest FROM mq.claims c
        WHERE c.queue = of_queue AND c.lane = of_lane ORDER BY c.last_seq DESC LIMIT 1;
    RETURN FOUND AND newest.places > (SELECT count(*) FROM mq.completions d
        WHERE d.queue = of_queue AND d.lane = of_lane AND d.seq BETWEEN newest.first_seq AND newest.last_seq);
END $$;

-- Locks lanes that have something to claim, until the transaction ends, and tells each one's cursor.
-- Lanes that another consumer is claiming from are skipped, and in a queue that keeps order those with a place in
-- flight. The cursors are read after the locks, by statements of their own: what the last claimer committed is seen. A
-- lane with unclaimed places in front of the head is `behind`, and its cursor is then beyond everything in the head.
-- Lanes of level `first` come first, then the others by urgency; within a level from lane `start` on.
DROP FUNCTION mq.take_lanes(int, int, int);
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
END $$;

-- Appends messages to one lane of a queue: a `wanted` one, or any of the level's that is free, as mq.take_lane would take it.
-- Messages that find no free lane are put aside, due at once: whoever promotes deferred messages takes them from there.
--
-- The hottest function there is, so it does what mq.take_lane does in its own words: a call of that would cost it a tenth,
-- and so would asking for the number of lanes, which never changes. One message alone has a statement of its own.
DROP FUNCTION mq.park(int, smallint, uuid, timestamptz, text, text, text, jsonb, bytea);
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
            IF pg_try_advisory_xact_lock(1836122112 + of_queue, level * lanes + step % lanes) THEN
                of_lane := level * lanes + step % lanes;
                SELECT m.seq INTO last FROM mq.head_messages m WHERE m.queue = of_queue AND m.lane = of_lane
                    ORDER BY m.seq DESC LIMIT 1;
                IF last IS NULL THEN
                    SELECT h.base + mq.ordinal(l.closed_seq) INTO STRICT last FROM mq.lanes l, mq.head h
                        WHERE l.queue = of_queue AND l.lane = of_lane;
                END IF;
                EXIT;
            END IF;
        END LOOP;
    END IF;
    IF of_lane IS NULL THEN
        INSERT INTO mq.deferred (due_at, queue, level, attempt, id, sent_at, topic, key, tag, headers, body)
            SELECT now(), of_queue, level, 1, m.id, now(), topic, m.key, m.tag, m.headers, m.body
            FROM unnest(ids, keys, tags, headers, bodies) AS m(id, key, tag, headers, body);
    ELSIF cardinality(ids) = 1 THEN
        INSERT INTO mq.head_messages (seq, queue, lane, attempt, id, sent_at, topic, key, tag, headers, body)
            VALUES (last + 1, of_queue, of_lane, 1, ids[1], now(), topic, keys[1], tags[1], headers[1], bodies[1]);
    ELSE
        INSERT INTO mq.head_messages (seq, queue, lane, attempt, id, sent_at, topic, key, tag, headers, body)
            SELECT last + m.n, of_queue, of_lane, 1, m.id, now(), topic, m.key, m.tag, m.headers, m.body
            FROM unnest(ids, keys, tags, headers, bodies) WITH ORDINALITY AS m(id, key, tag, headers, body, n);
    END IF;
END $$;

-- Claims the next places of a queue that keeps order, at most `most`, and answers them but for those of blocked keys:
-- these are held back at once, and a row without a seq stands for them, so that an answer of nothing means nothing is there.
--
-- Lane by lane: the lane's row is locked by mq.take_lanes, and each statement here sees what was committed before that.
-- A blocked key's row is locked against mq.pass, which would otherwise unblock it while a message joins the held ones.
CREATE FUNCTION mq.claim_in_order(of_queue int, start int, most int, of_consumer bigint, lease float8, settled bigint[],
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
        INSERT INTO mq.claims (last_seq, first_seq, queue, lane, places, consumer, lease_until, settled_seq, paced_until)
            VALUES (last, first, of_queue, taken.lane, count, of_consumer, now() + make_interval(secs => lease),
                coalesce(settled[taken.lane + 1], 0), paced_from + make_interval(secs => pace * claimed));
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
        CONTINUE WHEN NOT pg_try_advisory_xact_lock(1836122112 + of_queue, to_lane);
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
