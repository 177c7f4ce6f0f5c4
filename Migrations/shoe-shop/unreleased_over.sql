-- Brings over what the shop held before the first release: see unreleased_aside.sql.

INSERT INTO orders.products SELECT * FROM orders_unreleased.products;
INSERT INTO orders.orders (id, status, placed_at, cancel_asked_at, customer_name, customer_email, recipient, street, city, postcode,
        country, total_cents, tracking_number, rejection, rejection_detail, refunded_at)
    SELECT id, status, placed_at, cancel_asked_at, customer_name, customer_email, recipient, street, city, postcode,
        country, total_cents, tracking_number, rejection, rejection_detail, refunded_at
    FROM orders_unreleased.orders;
INSERT INTO orders.order_lines SELECT * FROM orders_unreleased.order_lines;
INSERT INTO orders.events (order_id, milestone, at, detail, place)
    SELECT order_id, milestone, at, detail, row_number() OVER (PARTITION BY order_id ORDER BY at, milestone)
    FROM orders_unreleased.events;
INSERT INTO orders.invoices SELECT * FROM orders_unreleased.invoices;
INSERT INTO orders.idempotency_keys SELECT * FROM orders_unreleased.idempotency_keys;

INSERT INTO stock.items SELECT * FROM stock_unreleased.items;
INSERT INTO stock.reservations SELECT * FROM stock_unreleased.reservations;

INSERT INTO payment.calls SELECT * FROM payment_unreleased.calls;
INSERT INTO payment.charges SELECT * FROM payment_unreleased.charges;
INSERT INTO payment.refunds SELECT * FROM payment_unreleased.refunds;

INSERT INTO logistics.calls SELECT * FROM logistics_unreleased.calls;
INSERT INTO logistics.bookings SELECT * FROM logistics_unreleased.bookings;

SET LOCAL client_min_messages = warning;
DROP SCHEMA orders_unreleased, stock_unreleased, payment_unreleased, logistics_unreleased CASCADE;

DO $$
BEGIN
    DELETE FROM public.applied_migrations WHERE number IN (2, 3, 4, 5, 7);
    IF NOT EXISTS (SELECT FROM public.applied_migrations) THEN DROP TABLE public.applied_migrations; END IF;
END $$;
