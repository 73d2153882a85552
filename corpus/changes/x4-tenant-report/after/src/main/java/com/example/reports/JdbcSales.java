package com.example.reports;

import java.util.List;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Repository;

@Repository
public class JdbcSales implements Sales {
    private final JdbcClient jdbc;

    public JdbcSales(JdbcClient jdbc) {
        this.jdbc = jdbc;
    }

    @Override
    public Tenant tenant(long tenantId) {
        return jdbc.sql("SELECT id, name, currency FROM tenants WHERE id = ?")
                .param(tenantId)
                .query(Tenant.class)
                .single();
    }

    @Override
    public List<Sale> of(long tenantId) {
        return jdbc.sql("SELECT product, cents FROM sales WHERE tenant_id = ? ORDER BY product LIMIT 5000")
                .param(tenantId)
                .query(Sale.class)
                .list();
    }
}
