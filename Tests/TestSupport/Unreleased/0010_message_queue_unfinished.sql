-- Whether a segment still holds a message that isn't finished. Asked at every upkeep for each segment that is old enough to go,
-- so it looks only at what is not known to be settled: per lane, whether the segment's last place is claimed, and the places of
-- claims that end beyond the settled one. A claim lies within one segment, and so do its completions.
CREATE OR REPLACE FUNCTION mq.has_unfinished(number int) RETURNS boolean LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off AS $$
DECLARE
    answer boolean;
BEGIN
    EXECUTE format(
        'SELECT EXISTS (
            SELECT FROM mq.lanes l
            CROSS JOIN LATERAL (
                SELECT m.seq AS last FROM mq.messages_%1$s m WHERE m.queue = l.queue AND m.lane = l.lane
                ORDER BY m.seq DESC LIMIT 1) AS stored
            LEFT JOIN LATERAL (
                SELECT c.last_seq AS last FROM mq.claims_%1$s c WHERE c.queue = l.queue AND c.lane = l.lane
                ORDER BY c.last_seq DESC LIMIT 1) AS claimed ON true
            LEFT JOIN LATERAL (
                SELECT c.settled_seq FROM mq.claims c WHERE c.queue = l.queue AND c.lane = l.lane
                ORDER BY c.last_seq DESC LIMIT 1) AS newest ON true
            LEFT JOIN mq.settlements kept ON kept.queue = l.queue AND kept.lane = l.lane
            WHERE greatest(newest.settled_seq, kept.settled_seq, 0) < stored.last AND (
                claimed.last IS DISTINCT FROM stored.last OR EXISTS (
                    SELECT FROM mq.claims_%1$s c, generate_series(c.first_seq, c.last_seq) AS place(seq)
                    WHERE c.queue = l.queue AND c.lane = l.lane
                      AND c.last_seq > greatest(newest.settled_seq, kept.settled_seq, 0)
                      AND (SELECT d.seq FROM mq.completions_%1$s d
                           WHERE d.queue = l.queue AND d.lane = l.lane AND d.seq = place.seq LIMIT 1) IS NULL)))', number)
        INTO answer;
    RETURN answer;
END $$;
