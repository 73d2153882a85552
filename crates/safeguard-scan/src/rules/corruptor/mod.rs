//! Code that makes data wrong little by little.

macro_rules! check {
    ($name:ident, $id:literal, $cwe:literal, $languages:expr, $run:ident) => {
        pub static $name: Check = Check {
            id: $id,
            failure: "X5",
            severity: Severity::High,
            confidence: Confidence::High,
            cwe: &[$cwe],
            languages: $languages,
            run: $run,
        };
    };
}

pub mod acknowledged_unhandled;
pub mod arrays;
pub mod boxed_equals;
pub mod cached_for_everybody;
pub mod cents_cut_off;
pub mod cents_of_whole;
pub mod changing;
pub mod computed_once;
pub mod copy_of_state;
mod cut_off;
pub mod date_format;
pub mod date_pattern;
pub mod decimal_of_double;
pub mod first_page_skipped;
pub mod go_values;
pub mod java_values;
pub mod last_day_lost;
pub mod last_page_lost;
pub mod left_in_finally;
pub mod letters_for_text;
pub mod lossy_reading;
pub mod lost_in_pipe;
pub mod lost_step;
pub mod missing_is_zero;
pub mod mixed_units;
pub mod money;
pub mod money_compared;
pub mod money_there_and_back;
pub mod month_of_days;
pub mod multiple;
pub mod narrowed_money;
pub mod narrowing;
pub mod never_committed;
pub mod never_true;
pub mod next_month;
pub mod numbers;
mod numeric_arrays;
pub mod overflowing_constant;
pub mod ranges;
pub mod result_dropped;
pub mod retried_requests;
pub mod retyped;
pub mod shared;
pub mod split_evenly;
pub mod sql_file;
pub mod swallowed;
pub mod swallowed_in_sql;
pub mod time;
pub mod time_unit;
pub mod told_as_success;
pub mod transfer_helper;
pub mod transfer_in_java;
mod typed_fields;
pub mod unheeded_failure;
pub mod unheeded_statement;
pub mod unique_dropped;
pub mod unreadable_is_empty;
pub mod unreadable_is_zero;
pub mod update_without_join;
pub mod values;
pub mod went_on_after_error;
pub mod whole_division;
pub mod wide_ids;
pub mod writes;
pub mod writes_on_pool;
pub mod writes_without_transaction;
pub mod zone_replaced;

use crate::language::Language;

pub use super::destroyer::EVERY;

pub const SCRIPT: &[Language] = &[Language::JavaScript, Language::TypeScript, Language::Tsx];
