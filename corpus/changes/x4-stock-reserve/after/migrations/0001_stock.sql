CREATE TABLE stock (
    sku text PRIMARY KEY,
    quantity integer NOT NULL,
    per_customer integer NOT NULL DEFAULT 10
);

CREATE TABLE reservations (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sku text NOT NULL REFERENCES stock (sku),
    customer bigint NOT NULL,
    quantity integer NOT NULL
);
