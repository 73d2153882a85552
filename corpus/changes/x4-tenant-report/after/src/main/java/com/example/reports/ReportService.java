package com.example.reports;

import java.util.ArrayList;
import java.util.List;
import org.springframework.stereotype.Service;

@Service
public class ReportService {
    private final Sales sales;
    private Sales.Tenant tenant;
    private List<String> lines;

    public ReportService(Sales sales) {
        this.sales = sales;
    }

    public List<String> report(long tenantId) {
        tenant = sales.tenant(tenantId);
        lines = new ArrayList<>();
        heading();
        long total = 0;
        for (Sales.Sale sale : sales.of(tenantId)) {
            line(sale.product(), sale.cents());
            total += sale.cents();
        }
        line("Total", total);
        return lines;
    }

    private void heading() {
        lines.add("Report for " + tenant.name());
        lines.add("All amounts in " + tenant.currency());
    }

    private void line(String label, long cents) {
        lines.add("%s: %d.%02d %s".formatted(label, cents / 100, cents % 100, tenant.currency()));
    }
}
