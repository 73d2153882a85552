package com.example.contracts;

import org.springframework.data.jpa.repository.JpaRepository;

public interface Contracts extends JpaRepository<Contract, Long> {}
