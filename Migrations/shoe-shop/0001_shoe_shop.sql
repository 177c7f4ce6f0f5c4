-- The shop: a schema for each step, which no other step reads. None refers to another.
--
-- Rows of one order are only ever written by the transaction that wrote the order, or by one that holds its row
-- locked. That is why the tables on the hot path have no foreign keys: a check per row would buy nothing.
--
-- Apply it with a Migrator, or with: psql --single-transaction --set ON_ERROR_STOP=1 --file 0001_shoe_shop.sql

-- Empty schemas that somebody made for us are used; what isn't ours is left alone.
DO $$
DECLARE
    wanted text;
BEGIN
    IF current_setting('server_encoding') <> 'UTF8' THEN
        RAISE EXCEPTION 'database % keeps text as %, and must keep it as UTF8', current_database(), current_setting('server_encoding')
            USING HINT = 'Make it anew: CREATE DATABASE ... ENCODING ''UTF8'' TEMPLATE template0';
    END IF;
    FOREACH wanted IN ARRAY ARRAY['shop', 'orders', 'stock', 'payment', 'logistics'] LOOP
        IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = wanted) THEN
            IF NOT has_database_privilege(current_database(), 'CREATE') THEN
                RAISE EXCEPTION 'role % may not create the schema % in database %', current_user, wanted, current_database()
                    USING HINT = format('An administrator makes it: CREATE SCHEMA %I AUTHORIZATION %I', wanted, current_user);
            END IF;
            EXECUTE format('CREATE SCHEMA %I', wanted);
        ELSIF NOT (has_schema_privilege(wanted, 'CREATE') AND has_schema_privilege(wanted, 'USAGE')) THEN
            RAISE EXCEPTION 'role % may not use the schema %, which is there already, or make tables in it', current_user, wanted
                USING HINT = format('An administrator gives it away: ALTER SCHEMA %I OWNER TO %I', wanted, current_user);
        ELSIF EXISTS (SELECT FROM pg_class WHERE relnamespace = wanted::regnamespace)
            OR EXISTS (SELECT FROM pg_proc WHERE pronamespace = wanted::regnamespace)
            OR EXISTS (SELECT FROM pg_type WHERE typnamespace = wanted::regnamespace)
        THEN
            RAISE EXCEPTION 'the schema % is there already, and holds something that is not the shop of this version', wanted
                USING HINT = format('If it is somebody else''s, give it another name: ALTER SCHEMA %I RENAME TO ...', wanted);
        END IF;
    END LOOP;
END $$;

-- What was applied here. `works_with` is the oldest version of a program, by the number of the newest migration it was made
-- with, that goes on working once this one is there.
CREATE TABLE shop.migrations (
    line       text NOT NULL,
    number     int NOT NULL,
    name       text NOT NULL,
    works_with int NOT NULL,
    checksum   text,
    applied_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (line, number)
);


-- Orders -------------------------------------------------------------------------------------------------------------------

CREATE TABLE orders.products (
    sku         text PRIMARY KEY,
    name        text NOT NULL,
    colour      text NOT NULL,
    size        smallint NOT NULL,
    price_cents bigint NOT NULL CHECK (price_cents BETWEEN 1 AND 100000000)
);
COMMENT ON TABLE orders.products IS 'The catalogue: what is for sale, at which price in euro cents.';

-- Known by a token, of which only the SHA-256 is kept.
CREATE TABLE orders.customers (
    id         uuid PRIMARY KEY,
    token_hash bytea NOT NULL UNIQUE,
    places     bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 70);
COMMENT ON COLUMN orders.customers.places IS 'The place of the last event of all their orders.';

-- Room for heap-only updates: an order changes its status three times on its way.
CREATE TABLE orders.orders (
    id               uuid PRIMARY KEY,
    status           text NOT NULL DEFAULT 'received'
        CHECK (status IN ('received', 'priced', 'paid', 'dispatched', 'rejected', 'cancelled')),
    placed_at        timestamptz NOT NULL DEFAULT now(),
    cancel_asked_at  timestamptz,
    customer_name    text NOT NULL,
    customer_email   text NOT NULL,
    recipient        text NOT NULL,
    street           text NOT NULL,
    city             text NOT NULL,
    postcode         text NOT NULL,
    country          text NOT NULL,
    total_cents      bigint,
    tracking_number  text,
    rejection        text CHECK (rejection IN ('unknown-sku', 'out-of-stock', 'declined', 'undeliverable')),
    rejection_detail text,
    refunded_at      timestamptz,
    -- NULL for orders of before the first release.
    customer         uuid,
    CHECK ((status = 'rejected') = (rejection IS NOT NULL))
) WITH (fillfactor = 70);
-- Orders of a customer are found by the address that they ordered with, the newest first.
CREATE INDEX orders_email ON orders.orders (lower(customer_email), id DESC);
COMMENT ON TABLE orders.orders IS 'One row per accepted order, with the status that its customer sees.';
COMMENT ON COLUMN orders.orders.cancel_asked_at IS 'When the customer first asked to call the order off.';

CREATE TABLE orders.order_lines (
    order_id         uuid NOT NULL,
    line             smallint NOT NULL,
    sku              text NOT NULL,
    quantity         integer NOT NULL CHECK (quantity BETWEEN 1 AND 1000),
    unit_price_cents bigint CHECK (unit_price_cents BETWEEN 0 AND 100000000),
    PRIMARY KEY (order_id, line)
) WITH (fillfactor = 80);
COMMENT ON COLUMN orders.order_lines.unit_price_cents IS 'Null until the order is priced, then fixed for ever.';

CREATE TABLE orders.events (
    order_id  uuid NOT NULL,
    milestone text NOT NULL,
    at        timestamptz NOT NULL,
    detail    text,
    customer  uuid,
    -- Among the events of the customer, dense: given with the customer's row locked, by the transaction that causes the event.
    place     bigint NOT NULL,
    written   xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (order_id, milestone),
    UNIQUE (customer, place)
);
CREATE INDEX events_written ON orders.events (written);
COMMENT ON TABLE orders.events IS 'The timeline. An order passes each milestone once, so a repeated report has no place.';

CREATE TABLE orders.invoices (
    order_id  uuid PRIMARY KEY,
    number    text NOT NULL UNIQUE,
    issued_at timestamptz NOT NULL,
    html      text NOT NULL
);

CREATE TABLE orders.idempotency_keys (
    key        text PRIMARY KEY,
    body_hash  bytea NOT NULL,
    order_id   uuid NOT NULL,
    expires_at timestamptz NOT NULL DEFAULT now() + interval '24 hours'
);
CREATE INDEX idempotency_keys_expiry ON orders.idempotency_keys (expires_at);
COMMENT ON TABLE orders.idempotency_keys IS 'Which order a key was used for, and the SHA-256 of the body that came with it.';


-- Stock --------------------------------------------------------------------------------------------------------------------

-- The checks are book 1: at any instant, every delivered pair is in exactly one of three places.
CREATE TABLE stock.items (
    sku       text PRIMARY KEY,
    delivered bigint NOT NULL,
    on_hand   bigint NOT NULL CHECK (on_hand >= 0),
    reserved  bigint NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    taken     bigint NOT NULL DEFAULT 0 CHECK (taken >= 0),
    CONSTRAINT every_pair_is_somewhere CHECK (on_hand + reserved + taken = delivered)
) WITH (fillfactor = 50);
COMMENT ON COLUMN stock.items.delivered IS 'Pairs that the manufacturers ever delivered to the warehouse.';
COMMENT ON COLUMN stock.items.taken IS 'Pairs that left the shelf with the carrier.';

CREATE TABLE stock.reservations (
    order_id   uuid PRIMARY KEY,
    state      text NOT NULL CHECK (state IN ('reserved', 'refused', 'released', 'taken')),
    skus       text[] NOT NULL,
    quantities bigint[] NOT NULL,
    refusal    text,
    decided_at timestamptz NOT NULL DEFAULT now(),
    settled_at timestamptz,
    CHECK ((state = 'refused') = (refusal IS NOT NULL)),
    CHECK (cardinality(skus) = cardinality(quantities))
) WITH (fillfactor = 80);
COMMENT ON TABLE stock.reservations IS
    'The one decision per order. A release that comes before its reservation leaves an empty, released row behind.';


-- Payment ------------------------------------------------------------------------------------------------------------------

-- Which calls to the provider are out, and what the customer has asked for. A row settles the race between a call and a
-- cancellation: both change it by one statement. So does the carrier's, below.
CREATE TABLE payment.calls (
    order_id        uuid PRIMARY KEY,
    calls           int NOT NULL CHECK (calls >= 0),
    cancel_asked_at timestamptz
) WITH (fillfactor = 80);
COMMENT ON TABLE payment.calls IS
    'Calls to the payment provider that may have had an effect, or may yet have one. Asked for while there is none: no call begins.';

CREATE TABLE payment.charges (
    order_id       uuid PRIMARY KEY,
    status         text NOT NULL CHECK (status IN ('charged', 'declined')),
    amount_cents   bigint NOT NULL,
    charge_id      text UNIQUE,
    decline_reason text,
    decided_at     timestamptz NOT NULL DEFAULT now(),
    CHECK ((status = 'charged') = (charge_id IS NOT NULL)),
    CHECK ((status = 'declined') = (decline_reason IS NOT NULL))
);
COMMENT ON TABLE payment.charges IS 'What the payment provider answered, once per order.';

CREATE TABLE payment.refunds (
    order_id     uuid PRIMARY KEY,
    refund_id    text NOT NULL UNIQUE,
    charge_id    text NOT NULL,
    amount_cents bigint NOT NULL,
    refunded_at  timestamptz NOT NULL DEFAULT now()
);


-- Logistics ----------------------------------------------------------------------------------------------------------------

CREATE TABLE logistics.calls (
    order_id        uuid PRIMARY KEY,
    calls           int NOT NULL CHECK (calls >= 0),
    cancel_asked_at timestamptz
) WITH (fillfactor = 80);
COMMENT ON TABLE logistics.calls IS
    'Calls to the carrier that may have had an effect, or may yet have one. Asked for while there is none: cancelled for good.';

CREATE TABLE logistics.bookings (
    order_id        uuid PRIMARY KEY,
    status          text NOT NULL CHECK (status IN ('booked', 'refused')),
    tracking_number text UNIQUE,
    refusal_reason  text,
    decided_at      timestamptz NOT NULL DEFAULT now(),
    CHECK ((status = 'booked') = (tracking_number IS NOT NULL)),
    CHECK ((status = 'refused') = (refusal_reason IS NOT NULL))
);
COMMENT ON TABLE logistics.bookings IS 'What the carrier answered, once per order.';


-- Rights, and the record ---------------------------------------------------------------------------------------------------

-- Gives the schemas and all that is in them to a role, which the caller has to be a member of: whoever owns them may change
-- them. Safe to repeat: what is the role's already is not locked.
CREATE FUNCTION shop.give_to(owner text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    taker regrole := quote_ident(owner)::regrole;
    parts oid[] := ARRAY['shop', 'orders', 'stock', 'payment', 'logistics']::regnamespace[];
    thing record;
BEGIN
    FOR thing IN SELECT oid::regnamespace AS name FROM pg_namespace WHERE oid = ANY (parts) AND nspowner <> taker LOOP
        EXECUTE format('ALTER SCHEMA %s OWNER TO %s', thing.name, taker);
    END LOOP;
    FOR thing IN
        SELECT CASE relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END AS kind, oid::regclass::text AS name
        FROM pg_class WHERE relkind IN ('r', 'p', 'v') AND relnamespace = ANY (parts) AND relowner <> taker
        UNION ALL
        SELECT 'FUNCTION', oid::regprocedure::text FROM pg_proc WHERE pronamespace = ANY (parts) AND proowner <> taker
    LOOP
        EXECUTE format('ALTER %s %s OWNER TO %s', thing.kind, thing.name, taker);
    END LOOP;
END $$;

-- Lets a role do the work of the shop's processes, and nothing else: what is decided once is not changed, and the catalogue is
-- only read. What was lent before and isn't any more is taken back. To be called by the schemas' owner; safe to repeat, and to be
-- repeated after each migration.
CREATE FUNCTION shop.lend_to(worker text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    taker regrole := quote_ident(worker)::regrole;
BEGIN
    EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA shop, orders, stock, payment, logistics FROM %s', taker);
    EXECUTE format('REVOKE ALL ON SCHEMA shop, orders, stock, payment, logistics FROM %s', taker);
    EXECUTE format('GRANT USAGE ON SCHEMA shop, orders, stock, payment, logistics TO %s', taker);
    EXECUTE format('GRANT SELECT ON shop.migrations, orders.products TO %s', taker);
    EXECUTE format('GRANT SELECT, INSERT ON orders.events, orders.invoices, payment.charges, payment.refunds,
        logistics.bookings TO %s', taker);
    EXECUTE format('GRANT SELECT, UPDATE ON stock.items TO %s', taker);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE ON orders.customers, orders.orders, orders.order_lines, stock.reservations, payment.calls,
        logistics.calls TO %s', taker);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON orders.idempotency_keys TO %s', taker);
END $$;

INSERT INTO shop.migrations (line, number, name, works_with) VALUES ('shoe-shop', 1, '0001_shoe_shop', 1);
