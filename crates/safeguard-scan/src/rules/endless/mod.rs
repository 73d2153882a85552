//! Loops, recursion and growth without an end, and what stops a service from answering.

pub mod blocking_in_async;
pub mod break_leaves_select;
pub mod busy_wait;
pub mod catastrophic_regex;
pub mod cursor_never_advanced;
pub mod effect_starts_itself;
pub mod endless_recursion;
pub mod infrastructure;
pub mod left_running;
pub mod missing_timeout;
pub mod pool_per_call;
pub mod query_in_loop;
pub mod resource_not_closed;
pub mod retry_without_limit;
pub mod save_in_save_signal;
pub mod self_rearming;
pub mod shell_loop;
pub mod skipped_step;
pub mod sql_file;
pub mod trigger_cycle;
pub mod unbounded_concurrency;
pub mod unbounded_growth;
pub mod unbounded_query;
pub mod unchanging_condition;
pub mod unending_loop;
pub mod unlimited_body;
