-- The order step's own tables. No other step reads them, and they refer to no other schema.
--
-- Rows of one order are only ever written by the transaction that wrote the order, or by one that holds its row
-- locked. That is why the tables on the hot path have no foreign keys: a check per row would buy nothing.

CREATE SCHEMA orders;

CREATE TABLE orders.products (
    sku         text PRIMARY KEY,
    name        text NOT NULL,
    colour      text NOT NULL,
    size        smallint NOT NULL,
    price_cents bigint NOT NULL CHECK (price_cents > 0)
);
COMMENT ON TABLE orders.products IS 'The catalogue: what is for sale, at which price in euro cents.';

-- Room for heap-only updates: an order changes its status three times on its way.
CREATE TABLE orders.orders (
    id               uuid PRIMARY KEY,
    status           text NOT NULL DEFAULT 'received'
        CHECK (status IN ('received', 'priced', 'paid', 'dispatched', 'rejected', 'cancelled')),
    placed_at        timestamptz NOT NULL DEFAULT now(),
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
    CHECK ((status = 'rejected') = (rejection IS NOT NULL))
) WITH (fillfactor = 70);
COMMENT ON TABLE orders.orders IS 'One row per accepted order, with the status that its customer sees.';

CREATE TABLE orders.order_lines (
    order_id         uuid NOT NULL,
    line             smallint NOT NULL,
    sku              text NOT NULL,
    quantity         integer NOT NULL CHECK (quantity > 0),
    unit_price_cents bigint,
    PRIMARY KEY (order_id, line)
) WITH (fillfactor = 80);
COMMENT ON COLUMN orders.order_lines.unit_price_cents IS 'Null until the order is priced, then fixed for ever.';

CREATE TABLE orders.events (
    order_id  uuid NOT NULL,
    milestone text NOT NULL,
    at        timestamptz NOT NULL,
    detail    text,
    PRIMARY KEY (order_id, milestone)
);
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
