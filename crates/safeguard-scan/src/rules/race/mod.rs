//! What works alone, and fails when two do it at once.

pub mod async_callback;
pub mod check_outside_lock;
pub mod check_then_act;
pub mod check_then_file;
pub mod claim_without_lock;
pub mod file_rewritten;
pub mod goroutine_shared_state;
pub mod id_by_count;
pub mod late_closure;
pub mod lock_across_await;
pub mod lock_copied;
pub mod lock_not_released;
pub mod lock_order;
pub mod locked_twice;
pub mod lost_update;
pub mod missing_await;
pub mod repeated_delivery;
pub mod request_state_in_global;
pub mod shared_default;
pub mod shared_session;
pub mod sql_file;
pub mod state_across_await;
pub mod transaction_on_pool;
pub mod unlocked_counter;
pub mod unlocked_map;
