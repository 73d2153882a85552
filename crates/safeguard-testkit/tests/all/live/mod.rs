//! The real binaries, started by the test on free ports and stopped after.

mod acts;
mod kill;
mod load;
mod lossless;
mod operations;
mod streams;
pub mod up;
