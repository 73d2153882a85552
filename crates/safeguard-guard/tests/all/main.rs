//! What is answered to statements: the pages' cases, two corpora, and whatever else one may type.

#![allow(clippy::unwrap_used)]

mod commands;
mod corpus;
mod limits;
mod pages;
mod policy;
mod programs;

use safeguard_api::Environment;
use safeguard_api::config::GuardPolicy;
use safeguard_api::guard::{Asker, GuardDecision, Principal};

fn asked(principal: Principal, environment: Environment, sql: &str) -> GuardDecision {
    let asker = Asker {
        principal,
        environment,
        frozen: false,
    };
    safeguard_guard::judge(&safeguard_guard::read(sql), asker, &GuardPolicy::default())
}
