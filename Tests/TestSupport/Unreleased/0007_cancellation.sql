-- Cancellation: which calls to third parties are out, and what the customer has asked for.
--
-- A row settles the race between a call and a cancellation: both change it by one statement. Bring all payment and
-- logistics workers to the version that keeps these tables before the API that takes cancellations.

ALTER TABLE orders.orders ADD COLUMN cancel_asked_at timestamptz;
COMMENT ON COLUMN orders.orders.cancel_asked_at IS 'When the customer first asked to call the order off.';

CREATE TABLE logistics.calls (
    order_id        uuid PRIMARY KEY,
    calls           int NOT NULL CHECK (calls >= 0),
    cancel_asked_at timestamptz
) WITH (fillfactor = 80);
COMMENT ON TABLE logistics.calls IS
    'Calls to the carrier that may have had an effect, or may yet have one. Asked for while there is none: cancelled for good.';

CREATE TABLE payment.calls (LIKE logistics.calls INCLUDING ALL) WITH (fillfactor = 80);
COMMENT ON TABLE payment.calls IS
    'Calls to the payment provider that may have had an effect, or may yet have one. Asked for while there is none: no call begins.';

-- Whatever was answered before has had its effect.
INSERT INTO logistics.calls (order_id, calls) SELECT order_id, 1 FROM logistics.bookings;
INSERT INTO payment.calls (order_id, calls) SELECT order_id, 1 FROM payment.charges;
