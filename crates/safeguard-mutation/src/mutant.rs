//! A mutant: one place of a file, and what stands there instead.

use std::ops::Range;

/// What is done to the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operator {
    RemovedGuard,
    RemovedDecorator,
    DroppedClause,
    RemovedCall,
    RemovedWrite,
    RemovedRaise,
    UnhandledException,
    ConditionFalse,
    Boundary,
    Negation,
    ReturnValue,
    Arithmetic,
    Opposite,
    OptionalAccess,
    SliceBound,
    RemovedElse,
    ConditionTrue,
    Bool,
    Number,
    DefaultArgument,
    Text,
}

impl Operator {
    pub fn as_str(self) -> &'static str {
        match self {
            Operator::RemovedGuard => "removed-guard",
            Operator::RemovedDecorator => "removed-decorator",
            Operator::DroppedClause => "dropped-clause",
            Operator::RemovedCall => "removed-call",
            Operator::RemovedWrite => "removed-write",
            Operator::RemovedRaise => "removed-raise",
            Operator::UnhandledException => "unhandled-exception",
            Operator::ConditionFalse => "condition-false",
            Operator::Boundary => "boundary",
            Operator::Negation => "negation",
            Operator::ReturnValue => "return-value",
            Operator::Arithmetic => "arithmetic",
            Operator::Opposite => "opposite",
            Operator::OptionalAccess => "optional-access",
            Operator::SliceBound => "slice-bound",
            Operator::RemovedElse => "removed-else",
            Operator::ConditionTrue => "condition-true",
            Operator::Bool => "bool",
            Operator::Number => "number",
            Operator::DefaultArgument => "default-argument",
            Operator::Text => "text",
        }
    }

    /// How much it would matter that no test notices: the less the more.
    pub fn rank(self) -> u32 {
        match self {
            Operator::RemovedGuard | Operator::RemovedDecorator => 0,
            Operator::DroppedClause | Operator::RemovedCall | Operator::RemovedWrite => 1,
            Operator::RemovedRaise | Operator::UnhandledException | Operator::ConditionFalse => 2,
            Operator::Boundary | Operator::Negation | Operator::ReturnValue | Operator::Arithmetic => 3,
            Operator::Opposite | Operator::OptionalAccess | Operator::SliceBound | Operator::RemovedElse => 4,
            Operator::ConditionTrue | Operator::Bool => 5,
            Operator::Number | Operator::DefaultArgument => 6,
            Operator::Text => 8,
        }
    }
}

/// One breakage of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mutant {
    /// The bytes that are replaced.
    pub span: Range<usize>,
    pub replacement: String,
    pub operator: Operator,
    /// The function that it is in, `Class.method`; empty outside of any.
    pub function: String,
    /// What would be different: a sentence without a full stop.
    pub would: String,
}

impl Mutant {
    /// The file with the breakage in it.
    pub fn applied(&self, text: &str) -> String {
        replaced(text, &self.span, &self.replacement)
    }
}

pub(crate) fn replaced(text: &str, span: &Range<usize>, replacement: &str) -> String {
    let before = text.get(..span.start).unwrap_or(text);
    let after = text.get(span.end..).unwrap_or("");
    format!("{before}{replacement}{after}")
}
