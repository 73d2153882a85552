CREATE TABLE usage (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id bigint NOT NULL,
    units bigint NOT NULL,
    measured_at timestamptz NOT NULL
);

CREATE TABLE bills (
    customer_id bigint NOT NULL,
    month date NOT NULL,
    units bigint NOT NULL,
    cents bigint NOT NULL,
    PRIMARY KEY (customer_id, month)
);
