package com.example.tariffs;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import org.springframework.stereotype.Service;

@Service
public class TariffService {
    private record Key(String postcode, int grams, Instant hour) {}

    private final Cache<Key, Long> prices =
            Caffeine.newBuilder().maximumSize(20_000).expireAfterWrite(Duration.ofHours(1)).build();
    private final CarrierClient carrier;

    public TariffService(CarrierClient carrier) {
        this.carrier = carrier;
    }

    public long priceCents(String postcode, int grams, Instant pickup) {
        Instant hour = pickup.truncatedTo(ChronoUnit.HOURS);
        return prices.get(new Key(postcode, grams, hour), k -> carrier.priceCents(postcode, grams, hour));
    }
}
