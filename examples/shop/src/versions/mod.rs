//! The versions, each with its own code in its own module and its notes beside it.

use std::pin::Pin;
use std::sync::Arc;

use crate::database::Database;
use crate::pages::{Page, Refusal, Visit};

pub mod v1_0;
pub mod v1_1;
pub mod v1_2;
pub mod v1_3;
pub mod v1_4;
pub mod v1_5;
pub mod v1_6;

pub struct Version {
    pub name: &'static str,
    /// What its authors say of it, in Markdown.
    pub notes: &'static str,
    /// Its own module, as it is compiled.
    pub source: &'static str,
    pub answer: fn(Arc<Database>, Visit) -> Answer,
}

pub type Answer = Pin<Box<dyn Future<Output = Result<Page, Refusal>> + Send>>;

/// In the order in which they were released.
pub static VERSIONS: [&Version; 7] = [
    &v1_0::VERSION,
    &v1_1::VERSION,
    &v1_2::VERSION,
    &v1_3::VERSION,
    &v1_4::VERSION,
    &v1_5::VERSION,
    &v1_6::VERSION,
];
