-- A consumer behind a pooler in transaction mode has no session, so it can hold no session-level lock: its heartbeat is the
-- only sign of life. `lease_ms` is how long it may be silent.

ALTER TABLE mq.consumers ADD COLUMN holds_lock boolean NOT NULL DEFAULT true;
