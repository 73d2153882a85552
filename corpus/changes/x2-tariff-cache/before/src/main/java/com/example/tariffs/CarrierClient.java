package com.example.tariffs;

import java.time.Instant;

public interface CarrierClient {
    long priceCents(String postcode, int grams, Instant pickup);
}
