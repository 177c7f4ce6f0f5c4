-- For a database that was made before the first release: sets the shop's tables aside, so that 0001_shoe_shop.sql finds
-- room. Then unreleased_over.sql brings over what they hold. As with the message queue's scripts of these names, all three
-- belong into one transaction.

DO $$
DECLARE
    part regclass;
BEGIN
    IF (SELECT count(*) FROM public.applied_migrations WHERE number IN (2, 3, 4, 5, 7)) < 5 THEN
        RAISE EXCEPTION 'the shop in this database is older than the last version before the first release'
            USING HINT = 'Bring it to that version first: its migrations end with 0007_cancellation.';
    END IF;
    FOR part IN SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace IN (
            'orders'::regnamespace, 'stock'::regnamespace, 'payment'::regnamespace, 'logistics'::regnamespace) ORDER BY oid LOOP
        EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', part);
    END LOOP;
END $$;

ALTER SCHEMA orders RENAME TO orders_unreleased;
ALTER SCHEMA stock RENAME TO stock_unreleased;
ALTER SCHEMA payment RENAME TO payment_unreleased;
ALTER SCHEMA logistics RENAME TO logistics_unreleased;
