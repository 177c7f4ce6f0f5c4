-- The stock step's own tables. No other step reads them, and they refer to no other schema.

CREATE SCHEMA stock;

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
