package com.example.reports;

import java.util.List;

public interface Sales {
    record Sale(String product, long cents) {}

    List<Sale> of(long tenantId);
}
