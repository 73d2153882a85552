"""Products, orders, payments and stock of a small shop."""
