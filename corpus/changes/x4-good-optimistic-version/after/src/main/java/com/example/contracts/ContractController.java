package com.example.contracts;

import org.springframework.http.HttpStatus;
import org.springframework.orm.ObjectOptimisticLockingFailureException;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PutMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.ResponseStatus;
import org.springframework.web.bind.annotation.RestController;

@RestController
public class ContractController {
    public record Terms(String text, long version) {}

    private final ContractService service;

    public ContractController(ContractService service) {
        this.service = service;
    }

    @PutMapping("/contracts/{id}/terms")
    public Contract change(@PathVariable long id, @RequestBody Terms terms) {
        return service.changeTerms(id, terms.version(), terms.text());
    }

    @ExceptionHandler(ObjectOptimisticLockingFailureException.class)
    @ResponseStatus(HttpStatus.CONFLICT)
    public String stale() {
        return "somebody else has changed this contract";
    }
}
