CREATE TABLE orders (
    id bigint PRIMARY KEY,
    shop_id bigint NOT NULL,
    total_cents bigint NOT NULL,
    ordered_on date NOT NULL
);

CREATE TABLE order_items (
    id bigint PRIMARY KEY,
    order_id bigint NOT NULL REFERENCES orders (id),
    sku text NOT NULL,
    quantity integer NOT NULL
);

CREATE TABLE refunds (
    id bigint PRIMARY KEY,
    order_id bigint NOT NULL REFERENCES orders (id),
    cents bigint NOT NULL
);

CREATE TABLE shop_revenue (
    shop_id bigint NOT NULL,
    month date NOT NULL,
    orders integer NOT NULL,
    items integer NOT NULL DEFAULT 0,
    refund_cents bigint NOT NULL DEFAULT 0,
    revenue_cents bigint NOT NULL,
    PRIMARY KEY (shop_id, month)
);
