package com.example.tariffs;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class TariffServiceTest {
    @Test
    void asksTheCarrierOnce() {
        AtomicInteger calls = new AtomicInteger();
        TariffService service = new TariffService((postcode, grams, pickup) -> 500L + calls.getAndIncrement());
        Instant pickup = Instant.parse("2024-06-03T10:00:00Z");

        long first = service.priceCents("10115", 800, pickup);
        long second = service.priceCents("10115", 800, pickup);

        assertThat(first).isEqualTo(second);
        assertThat(calls).hasValue(1);
    }
}
