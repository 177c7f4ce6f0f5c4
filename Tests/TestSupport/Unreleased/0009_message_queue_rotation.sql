-- Rotation under traffic. Sends and claims lock mq.head_messages first, by the statement itself, and mq.head and
-- mq.head_claims after it, in the functions that it calls. A rotation that takes mq.head first and then waits for
-- mq.head_messages waits for senders who wait for it, until it gives up: under steady traffic every time. So it takes
-- the locks in the order of everybody else, and holds none while it waits for the first.
CREATE OR REPLACE FUNCTION mq.advance_head(number int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE mq.head_messages, mq.head_claims, mq.head IN ACCESS EXCLUSIVE MODE;
    UPDATE mq.lanes l SET
        closed_seq = greatest(l.closed_seq, (SELECT max(m.seq) FROM mq.head_messages m WHERE m.queue = l.queue AND m.lane = l.lane)),
        floor_seq = greatest(l.floor_seq, (SELECT max(c.last_seq) FROM mq.head_claims c WHERE c.queue = l.queue AND c.lane = l.lane));
    EXECUTE format('CREATE OR REPLACE VIEW mq.head AS SELECT %s::bigint << 40 AS base', number);
    EXECUTE format('CREATE OR REPLACE VIEW mq.head_messages AS SELECT * FROM mq.messages_%s', number);
    EXECUTE format('CREATE OR REPLACE VIEW mq.head_claims AS SELECT * FROM mq.claims_%s', number);
END $$;
