package com.example.tariffs;

import java.time.Instant;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.stereotype.Service;

@Service
public class TariffService {
    private static final Logger log = LoggerFactory.getLogger(TariffService.class);
    private static final Map<String, Long> PRICES = new ConcurrentHashMap<>();

    private final CarrierClient carrier;

    public TariffService(CarrierClient carrier) {
        this.carrier = carrier;
    }

    /** Carriers price by the minute of the pickup, so the exact request is the key. */
    public long priceCents(String postcode, int grams, Instant pickup) {
        if (grams <= 0) {
            throw new IllegalArgumentException("grams must be positive");
        }
        String key = postcode.strip() + '|' + grams + '|' + pickup;
        return PRICES.computeIfAbsent(key, k -> {
            log.debug("asking the carrier for {}", k);
            return carrier.priceCents(postcode.strip(), grams, pickup);
        });
    }
}
