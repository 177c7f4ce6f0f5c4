-- Brings over what the message queue held before the first release: see unreleased_aside.sql. Ids and places stay, so
-- whatever was in flight, waiting, scheduled, held or dead is so afterwards. Takes as long as copying the log.

INSERT INTO mq.queues (id, name, lanes, levels, key_order, lease_ms, max_attempts, backoff_base_ms, backoff_cap_ms, jitter,
        concurrency_limit, rate_limit, burst, paused_at, created_at)
    SELECT id, name, lanes, levels, key_order, lease_ms, max_attempts, backoff_base_ms, backoff_cap_ms, jitter,
        concurrency_limit, rate_limit, burst, paused_at, created_at
    FROM mq_unreleased.queues;
INSERT INTO mq.topics (id, name, created_at, changed_at) OVERRIDING SYSTEM VALUE
    SELECT id, name, created_at, created_at FROM mq_unreleased.topics;
INSERT INTO mq.subscriptions (topic, queue, name, tags, created_at, changed_at)
    SELECT s.topic, s.queue, q.name, s.tags, s.created_at, s.created_at
    FROM mq_unreleased.subscriptions s JOIN mq_unreleased.queues q ON q.id = s.queue;

-- The same segments, with the same head.
SELECT mq.make_segment(segment) FROM mq_unreleased.segments WHERE segment <> 1 ORDER BY segment;
SELECT mq.advance_head(max(segment)) FROM mq_unreleased.segments HAVING max(segment) <> 1;
SELECT mq.drop_segment(1) WHERE NOT EXISTS (SELECT FROM mq_unreleased.segments WHERE segment = 1);
UPDATE mq.segments s SET opened_at = o.opened_at FROM mq_unreleased.segments o WHERE o.segment = s.segment;

INSERT INTO mq.lanes (queue, lane, closed_seq, floor_seq, paced_until)
    SELECT queue, lane, closed_seq, floor_seq, paced_until FROM mq_unreleased.lanes;
INSERT INTO mq.watermarks (queue, lane, watermark) SELECT queue, lane, settled_seq FROM mq_unreleased.settlements;
INSERT INTO mq.messages (seq, queue, lane, attempt, id, sent_at, appended_at, rank, topic, key, tag, headers, body)
    SELECT seq, queue, lane, attempt, id, sent_at, appended_at, rank, topic, key, tag, headers, body FROM mq_unreleased.messages;
INSERT INTO mq.claims (last_seq, first_seq, queue, lane, places, consumer, claimed_at, watermark, lease_until, paced_until)
    SELECT last_seq, first_seq, queue, lane, places, consumer, claimed_at, settled_seq, lease_until, paced_until
    FROM mq_unreleased.claims;
INSERT INTO mq.completions (seq, queue, lane, outcome, finished_at, error)
    SELECT seq, queue, lane, outcome, finished_at, error FROM mq_unreleased.completions;

-- The triggers count these anew; what was purged is counted nowhere else.
INSERT INTO mq.scheduled (ticket, due_at, queue, level, attempt, id, sent_at, topic, key, tag, headers, body) OVERRIDING SYSTEM VALUE
    SELECT ticket, due_at, queue, level, attempt, id, sent_at, topic, key, tag, headers, body FROM mq_unreleased.deferred;
INSERT INTO mq.blocked_keys (queue, replaying, since, retry_at, is_moving, key, error)
    SELECT queue, replaying, since, retry_at, is_moving, key, error FROM mq_unreleased.blocked_keys;
INSERT INTO mq.held (rank, queue, attempt, id, sent_at, key, topic, tag, headers, body)
    SELECT rank, queue, attempt, id, sent_at, key, topic, tag, headers, body FROM mq_unreleased.held;
INSERT INTO mq.dead_letters (ticket, died_at, queue, level, attempts, id, sent_at, reason, error, history, topic, key, tag, headers, body)
    OVERRIDING SYSTEM VALUE
    SELECT ticket, died_at, queue, level, attempts, id, sent_at, reason, error, history, topic, key, tag, headers, body
    FROM mq_unreleased.dead_letters;
INSERT INTO mq.tallies (queue, kind, change) SELECT queue, kind, sum(change) FROM mq_unreleased.tallies WHERE kind = 'p' GROUP BY 1, 2;

INSERT INTO mq.sent_keys (queue, key, expires_at) SELECT queue, key, expires_at FROM mq_unreleased.sent_keys;
INSERT INTO mq.consumers (id, name, host, pid, version, lease_ms, holds_lock, started_at, heartbeat_at, ended_at)
    OVERRIDING SYSTEM VALUE
    SELECT id, name, host, pid, version, lease_ms, holds_lock, started_at, heartbeat_at, ended_at FROM mq_unreleased.consumers;

-- The next number of each is the one that would have come.
SELECT setval(pg_get_serial_sequence('mq.topics', 'id'), last_value, is_called) FROM mq_unreleased.topics_id_seq;
SELECT setval(pg_get_serial_sequence('mq.scheduled', 'ticket'), last_value, is_called) FROM mq_unreleased.deferred_ticket_seq;
SELECT setval(pg_get_serial_sequence('mq.dead_letters', 'ticket'), last_value, is_called) FROM mq_unreleased.dead_letters_ticket_seq;
SELECT setval(pg_get_serial_sequence('mq.consumers', 'id'), last_value, is_called) FROM mq_unreleased.consumers_id_seq;

SET LOCAL client_min_messages = warning;
DROP SCHEMA mq_unreleased CASCADE;

DO $$
BEGIN
    DELETE FROM public.applied_migrations WHERE number IN (1, 6, 8, 9, 10, 11, 12);
    IF NOT EXISTS (SELECT FROM public.applied_migrations) THEN DROP TABLE public.applied_migrations; END IF;
END $$;
