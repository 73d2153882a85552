package com.example.reports;

import java.util.List;

public interface Sales {
    record Sale(String product, long cents) {}

    record Tenant(long id, String name, String currency) {}

    Tenant tenant(long tenantId);

    List<Sale> of(long tenantId);
}
