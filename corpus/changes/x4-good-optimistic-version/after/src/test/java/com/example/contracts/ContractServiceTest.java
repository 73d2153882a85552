package com.example.contracts;

import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.when;

import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.springframework.orm.ObjectOptimisticLockingFailureException;

class ContractServiceTest {
    @Test
    void refusesAStaleForm() {
        Contracts contracts = mock(Contracts.class);
        when(contracts.findById(1L)).thenReturn(Optional.of(new Contract()));

        assertThatThrownBy(() -> new ContractService(contracts).changeTerms(1, 7, "net 30"))
                .isInstanceOf(ObjectOptimisticLockingFailureException.class);
    }
}
