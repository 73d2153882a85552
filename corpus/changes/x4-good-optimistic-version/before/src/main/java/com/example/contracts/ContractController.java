package com.example.contracts;

import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PutMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RestController;

@RestController
public class ContractController {
    public record Terms(String text) {}

    private final ContractService service;

    public ContractController(ContractService service) {
        this.service = service;
    }

    @PutMapping("/contracts/{id}/terms")
    public Contract change(@PathVariable long id, @RequestBody Terms terms) {
        return service.changeTerms(id, terms.text());
    }
}
