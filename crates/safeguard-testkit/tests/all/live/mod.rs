//! The real binaries, started by the test on free ports and stopped after.

mod acts;
mod approvals;
mod bisect;
mod browser;
mod calendars;
mod catalogue;
mod credentials;
mod dossier;
mod drill;
mod evidence;
mod exceptions;
mod faulty;
mod guarded;
mod kill;
mod late;
mod load;
mod lossless;
mod notify;
mod observe;
mod operations;
mod page;
mod passkeys;
mod policies;
mod replay;
mod signers;
mod streams;
pub mod up;
