//! Narrated acts.
