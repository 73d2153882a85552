//! Values that may be missing.
fn one() -> u8 {
    read().unwrap()
}
fn two() -> u8 {
    read().unwrap_or(1)
}
