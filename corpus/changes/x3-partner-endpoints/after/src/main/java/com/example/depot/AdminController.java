package com.example.depot;

import org.springframework.web.bind.annotation.DeleteMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RestController;

@RestController
@RequestMapping("/admin")
public class AdminController {
    private final Parcels parcels;

    public AdminController(Parcels parcels) {
        this.parcels = parcels;
    }

    @DeleteMapping("/parcels/{code}")
    public void cancel(@PathVariable String code) {
        parcels.cancel(code);
    }
}
