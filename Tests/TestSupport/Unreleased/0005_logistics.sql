-- The logistics step's own table. No other step reads it, and it refers to no other schema.

CREATE SCHEMA logistics;

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
