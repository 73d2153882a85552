//! Security holes (X3): what opens a door that should be shut.

pub mod access_check_commented_out;
pub mod access_fails_open;
pub mod archive_unpacked;
pub mod check_always_true;
pub mod check_without_effect;
pub mod client_claims_identity;
pub mod code_in_answer;
pub mod command_by_wrapper;
pub mod container_without_walls;
pub mod cookie_unprotected;
pub mod cors_too_open;
pub mod cross_origin_message;
pub mod cross_site_scripting;
pub mod csrf_disabled;
pub mod debug_exposed;
pub mod file_open_to_all;
pub mod hard_coded_secret;
pub mod host_by_substring;
pub mod image;
pub mod jwt_not_verified;
pub mod kept_in_clear;
pub mod link_by_host_header;
pub mod listens_everywhere;
pub mod mass_assignment;
pub mod missing_authentication;
pub mod object_without_owner;
pub mod open_to_the_internet;
pub mod password_exposed;
pub mod password_fast_hash;
pub mod password_in_clear;
pub mod permission_too_broad;
pub mod predictable_token;
pub mod price_from_client;
pub mod secret_on_command_line;
pub mod serves_everything;
pub mod shell_eval;
pub mod sql_file;
pub mod sql_injection;
pub mod switched_off_elsewhere;
pub mod timing_unsafe_compare;
pub mod tls_not_verified;
pub mod token_without_expiry;
pub mod unguarded_action;
pub mod unguarded_controller;
pub mod unguarded_router;
pub mod unscoped_object;
pub mod unscoped_repository;
pub mod unscoped_viewset;
pub mod unverified_download;
pub mod weak_cryptography;
pub mod webhook_not_verified;
pub mod workflow;

use crate::language::Language;

/// All languages that are read.
const EVERY: &[Language] = crate::rules::EVERY_LANGUAGE;
