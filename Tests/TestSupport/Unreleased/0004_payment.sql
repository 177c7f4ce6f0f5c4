-- The payment step's own tables. No other step reads them, and they refer to no other schema.

CREATE SCHEMA payment;

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
