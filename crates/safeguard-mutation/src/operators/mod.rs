//! What can be broken; each file proposes for one node.

mod arithmetic;
mod calls;
mod comparison;
mod conditions;
mod constants;
mod statements;

use safeguard_scan::tree::NodeId;

use crate::site::Site;

/// What is proposed for a node, whether or not it is worth it.
pub static OPERATORS: &[fn(&mut Site<'_>, NodeId)] = &[
    arithmetic::propose,
    calls::propose,
    comparison::propose,
    conditions::propose,
    constants::propose,
    statements::propose,
];
