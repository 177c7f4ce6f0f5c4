-- A queue with a rate knows from its newest claims until when it is paced. Those may lie in a segment that goes, long before
-- that time is over: so what a lane's dropped claims said is kept with the lane.
ALTER TABLE mq.lanes ADD COLUMN paced_until timestamptz;

-- Drops a segment whole. Lanes that caught up in it keep their cursor, and their pace: its claims go with it.
CREATE OR REPLACE FUNCTION mq.drop_segment(number int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format(
        'UPDATE mq.lanes l SET floor_seq = greatest(l.floor_seq, c.last_seq), paced_until = greatest(l.paced_until, c.paced_until)
         FROM (SELECT queue, lane, max(last_seq) AS last_seq, max(paced_until) AS paced_until
               FROM mq.claims_%s GROUP BY queue, lane) AS c
         WHERE l.queue = c.queue AND l.lane = c.lane AND (l.floor_seq < c.last_seq OR c.paced_until > now())', number);
    EXECUTE format('DROP TABLE mq.messages_%1$s, mq.claims_%1$s, mq.completions_%1$s', number);
    DELETE FROM mq.segments WHERE segment = number;
END $$;
