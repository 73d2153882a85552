package com.example.depot;

import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.springframework.stereotype.Component;

@Component
public class Parcels {
    private final Map<String, String> states = new ConcurrentHashMap<>();

    public Optional<String> state(String code) {
        return Optional.ofNullable(states.get(code));
    }

    public boolean scan(String code, String state) {
        return states.replace(code, state) != null;
    }

    public void cancel(String code) {
        states.put(code, "cancelled");
    }
}
