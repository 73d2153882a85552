//! What people read on standard error while cases walk: which case, since when, and where it is.

use std::time::Instant;

pub struct Progress {
    case: String,
    begun: Instant,
}

impl Progress {
    pub fn of(case: &str) -> Progress {
        Progress {
            case: case.to_owned(),
            begun: Instant::now(),
        }
    }

    /// One line; walks that go on at once tell theirs in between.
    pub fn say(&self, text: &str) {
        eprintln!("{:>5.0} s  {:<24}  {text}", self.seconds(), self.case);
    }

    pub fn seconds(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }
}
