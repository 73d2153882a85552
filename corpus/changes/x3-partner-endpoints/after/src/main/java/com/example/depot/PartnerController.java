package com.example.depot;

import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RestController;

@RestController
@RequestMapping("/partners/parcels")
public class PartnerController {
    public record Scan(String state) {}

    private final Parcels parcels;

    public PartnerController(Parcels parcels) {
        this.parcels = parcels;
    }

    @GetMapping("/{code}")
    public ResponseEntity<String> state(@PathVariable String code) {
        return ResponseEntity.of(parcels.state(code));
    }

    @PostMapping("/{code}/scans")
    public ResponseEntity<Void> scan(@PathVariable String code, @RequestBody Scan scan) {
        return parcels.scan(code, scan.state())
                ? ResponseEntity.noContent().build()
                : ResponseEntity.notFound().build();
    }
}
