CREATE TABLE products (
    sku TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    price_cents INTEGER NOT NULL CHECK (price_cents >= 0),
    supplier_code TEXT,
    retired INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE stock (
    sku TEXT PRIMARY KEY REFERENCES products (sku),
    available INTEGER NOT NULL
);

CREATE TABLE stock_movements (
    id INTEGER PRIMARY KEY,
    sku TEXT NOT NULL REFERENCES products (sku),
    change INTEGER NOT NULL,
    reason TEXT NOT NULL CHECK (reason IN ('received', 'sold', 'cancelled', 'expired', 'returned')),
    order_id INTEGER,
    at INTEGER NOT NULL
);

CREATE INDEX stock_movements_by_sku ON stock_movements (sku);

CREATE TABLE customers (
    id INTEGER PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    country TEXT NOT NULL DEFAULT 'DE',
    token TEXT NOT NULL UNIQUE
);

CREATE TABLE orders (
    id INTEGER PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customers (id),
    state TEXT NOT NULL CHECK (state IN ('reserved', 'paid', 'cancelled', 'expired', 'refunded')),
    subtotal_cents INTEGER NOT NULL,
    discount_cents INTEGER NOT NULL DEFAULT 0,
    total_cents INTEGER NOT NULL,
    note TEXT,
    placed_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
);

CREATE INDEX orders_by_customer ON orders (customer_id, id);
CREATE INDEX orders_by_expiry ON orders (state, expires_at);

CREATE TABLE order_lines (
    order_id INTEGER NOT NULL REFERENCES orders (id),
    sku TEXT NOT NULL REFERENCES products (sku),
    quantity INTEGER NOT NULL CHECK (quantity > 0),
    unit_cents INTEGER NOT NULL,
    PRIMARY KEY (order_id, sku)
);

CREATE TABLE payments (
    id INTEGER PRIMARY KEY,
    order_id INTEGER NOT NULL REFERENCES orders (id),
    kind TEXT NOT NULL CHECK (kind IN ('charge', 'refund')),
    amount_cents INTEGER NOT NULL,
    reference TEXT NOT NULL,
    created_at INTEGER NOT NULL
);

CREATE INDEX payments_by_order ON payments (order_id);
