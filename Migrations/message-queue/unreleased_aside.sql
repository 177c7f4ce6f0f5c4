-- For a database that was made before the first release, by the twelve migrations of that time: sets the message queue's
-- tables aside, so that 0001_message_queue.sql finds room. Then unreleased_over.sql brings over what they hold. All three
-- belong into one transaction, which a Migrator makes by itself; with psql, from this folder, with the workers stopped:
--   psql --single-transaction --set ON_ERROR_STOP=1 \
--       --file unreleased_aside.sql --file 0001_message_queue.sql --file unreleased_over.sql

DO $$
DECLARE
    part regclass;
BEGIN
    IF (SELECT count(*) FROM public.applied_migrations WHERE number IN (1, 6, 8, 9, 10, 11, 12)) < 7 THEN
        RAISE EXCEPTION 'the message queue in this database is older than the last version before the first release'
            USING HINT = 'Bring it to that version first: its migrations end with 0012_message_queue_producer.';
    END IF;
    -- Whoever still works by the old tables is waited for, and then finds them gone.
    FOR part IN SELECT oid FROM pg_class WHERE relnamespace = 'mq'::regnamespace AND relkind IN ('r', 'p') ORDER BY oid LOOP
        EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', part);
    END LOOP;
END $$;

ALTER SCHEMA mq RENAME TO mq_unreleased;
