//! Trials that produce evidence: the rollback drill, alone or after a comparison with the live release, and the rehearsal of a
//! migration.
//!
//! It runs versions and breaks them on purpose, in an installation of its own that no user reaches. It must not judge:
//! what a trial showed is a document, and gates read it.

mod clock;
mod drill;
mod keeper;
mod load;
mod process;
mod rehearsal;
mod town;

pub use drill::compare::trial_longest;
pub use drill::drill_longest;
pub use keeper::{DrillCommand, Keeper, KeeperError};
pub use process::{ProcessError, drill_process};
pub use rehearsal::{Before, RehearsalError, Way, rehearse_down, rehearse_up};
