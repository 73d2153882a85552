package com.example.reports;

import java.util.ArrayList;
import java.util.List;
import org.springframework.stereotype.Service;

@Service
public class ReportService {
    private final Sales sales;

    public ReportService(Sales sales) {
        this.sales = sales;
    }

    public List<String> report(long tenantId) {
        List<String> lines = new ArrayList<>();
        for (Sales.Sale sale : sales.of(tenantId)) {
            lines.add(sale.product() + ": " + sale.cents() / 100 + "." + "%02d".formatted(sale.cents() % 100));
        }
        return lines;
    }
}
