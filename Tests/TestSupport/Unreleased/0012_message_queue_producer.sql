-- Takes a lane for writing for as long as the session lasts, or until it is given back, and tells the lane's last place. A
-- producer that sends one message after the other then knows the next place by itself, and each send is a bare INSERT; the
-- primary key refuses a place that was taken meanwhile, and the head segment one from before it was opened. Then it asks
-- again, with the lane that it holds.
--
-- As in mq.take_lane, the lock comes first, and the place is read by a statement of its own after it; under another
-- isolation than READ COMMITTED the answer is NULLs. So it is when every lane is taken that may be held: no more than half
-- of them, since whoever else sends takes a lane for one transaction and must not wait.
CREATE FUNCTION mq.hold_lane(of_queue int, held smallint, OUT lane smallint, OUT last bigint) LANGUAGE plpgsql AS $$
DECLARE
    most int;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN RETURN; END IF;
    SELECT q.lanes / 2 INTO STRICT most FROM mq.queues q WHERE q.id = of_queue;
    lane := held;
    FOR step IN 1..most LOOP
        EXIT WHEN lane IS NOT NULL;
        IF pg_try_advisory_lock(1836122112 + of_queue, (pg_backend_pid() + step) % most) THEN
            lane := (pg_backend_pid() + step) % most;
        END IF;
    END LOOP;
    IF lane IS NULL THEN RETURN; END IF;
    SELECT m.seq INTO last FROM mq.head_messages m WHERE m.queue = of_queue AND m.lane = hold_lane.lane
        ORDER BY m.seq DESC LIMIT 1;
    IF last IS NULL THEN
        SELECT h.base + mq.ordinal(l.closed_seq) INTO STRICT last FROM mq.lanes l, mq.head h
            WHERE l.queue = of_queue AND l.lane = hold_lane.lane;
    END IF;
END $$;

-- Gives it back.
CREATE FUNCTION mq.let_lane(of_queue int, held smallint) RETURNS boolean LANGUAGE sql
    AS 'SELECT pg_advisory_unlock(1836122112 + of_queue, held)';
