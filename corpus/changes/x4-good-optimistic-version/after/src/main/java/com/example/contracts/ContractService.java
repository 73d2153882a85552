package com.example.contracts;

import org.springframework.orm.ObjectOptimisticLockingFailureException;
import org.springframework.stereotype.Service;
import org.springframework.transaction.annotation.Transactional;

@Service
public class ContractService {
    private final Contracts contracts;

    public ContractService(Contracts contracts) {
        this.contracts = contracts;
    }

    /** @param seen the version that the clerk had on the screen */
    @Transactional
    public Contract changeTerms(long id, long seen, String terms) {
        Contract contract = contracts.findById(id).orElseThrow();
        if (contract.getVersion() != seen) {
            throw new ObjectOptimisticLockingFailureException(Contract.class, id);
        }
        contract.setTerms(terms);
        // raises the version now, so that the answer carries the new one
        return contracts.saveAndFlush(contract);
    }
}
