//! Code that deletes or overwrites what does not come back.

pub mod acknowledged_early;
pub mod audit_removal;
pub mod builders;
pub mod cascade_on_records;
pub mod cloud_destroys;
pub mod command_destroys;
pub mod delete_everything;
pub mod emptied_tables;
pub mod empty_filter;
pub mod engine_files_removed;
pub mod expires_by_index;
pub mod file_removal;
mod filled_over;
pub mod hard_delete;
pub mod kept_records_deleted;
pub mod migration_drops;
pub mod newest_deleted;
mod prepared;
pub mod replaced_anew;
pub mod schema_dropped_at_start;
pub mod shell_removal;
pub mod sql_destroys_data;
pub mod sql_file;
pub mod stack_protection;
pub mod stateful_resource_removed;
pub mod unverified_removal;
pub mod volume_lost;

use crate::language::Language;

pub const EVERY: &[Language] = crate::rules::EVERY_LANGUAGE;
