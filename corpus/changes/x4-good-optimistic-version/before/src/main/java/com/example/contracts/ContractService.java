package com.example.contracts;

import org.springframework.stereotype.Service;
import org.springframework.transaction.annotation.Transactional;

@Service
public class ContractService {
    private final Contracts contracts;

    public ContractService(Contracts contracts) {
        this.contracts = contracts;
    }

    @Transactional
    public Contract changeTerms(long id, String terms) {
        Contract contract = contracts.findById(id).orElseThrow();
        contract.setTerms(terms);
        return contract;
    }
}
