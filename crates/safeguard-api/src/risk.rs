//! The risk of a release: what its diff looks like, how likely that goes wrong in which way, and what follows.
//!
//! Whole numbers only, so that it is computed again to the byte.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::CanaryStep;

/// Likelihood × impact over the ways in which a release can go wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Risk {
    /// The worst of all cells.
    pub level: RiskLevel,
    /// One for each way to go wrong.
    pub cells: Vec<RiskCell>,
    /// What was seen of the changes.
    pub factors: Vec<RiskFactor>,
    pub measures: RiskMeasures,
}

/// One way to go wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RiskCell {
    pub kind: FailureKind,
    /// From 1 to 5: one for each 20 % that `contributions` reach together.
    pub likelihood: u32,
    /// From 1 to 5.
    pub impact: u32,
    pub level: RiskLevel,
    /// Factors that speak of it, also those that add nothing.
    pub contributions: Vec<RiskContribution>,
}

/// What a factor adds to a likelihood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RiskContribution {
    pub factor: FactorKind,
    /// The most that it can add, in percent.
    pub weight_percent: u32,
    /// Weight times strength, in permille.
    pub adds_permille: u32,
}

/// Something that was seen of the changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RiskFactor {
    pub kind: FactorKind,
    /// From 0 to 1000.
    pub strength_permille: u32,
    /// The figure behind it.
    pub because: String,
}

/// What the risk asks for, beyond what the policy asks of every release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RiskMeasures {
    /// Each soak is this part of the policy's; never below 100.
    pub soak_percent: u32,
    /// The policy's steps, longer, and with smaller ones between them.
    pub canary_steps: Vec<CanaryStep>,
    /// Approvals beyond the policy's.
    pub approvals_more: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RiskLevel {
    Low,
    Medium,
    High,
    Critical,
}

impl fmt::Display for RiskLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            RiskLevel::Low => "low",
            RiskLevel::Medium => "medium",
            RiskLevel::High => "high",
            RiskLevel::Critical => "critical",
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    SyntaxError,
    LogicBug,
    DataLoss,
    PerformanceSlowdown,
    MemoryLeak,
    SecurityBreach,
    UiGlitch,
    ApiFailure,
    TotalOutage,
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            FailureKind::SyntaxError => "syntax error",
            FailureKind::LogicBug => "logic bug",
            FailureKind::DataLoss => "data loss",
            FailureKind::PerformanceSlowdown => "performance slowdown",
            FailureKind::MemoryLeak => "memory leak",
            FailureKind::SecurityBreach => "security breach",
            FailureKind::UiGlitch => "UI glitch",
            FailureKind::ApiFailure => "API failure",
            FailureKind::TotalOutage => "total outage",
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FactorKind {
    /// Lines added and removed.
    Size,
    /// Files touched.
    Spread,
    /// Touched files that nobody has touched for a year.
    Age,
    /// How often the touched files changed of late.
    Churn,
    /// Touched files that the author never touched before.
    Unfamiliar,
    /// Whether an AI tool wrote it.
    Ai,
    Migrations,
    /// Paths of authentication, secrets or payment.
    Sensitive,
    /// Configuration, build, deployment.
    Infrastructure,
    Dependencies,
    /// Routes, schemas and definitions of interfaces.
    Interface,
    UserInterface,
    /// Lines removed.
    Deletions,
    /// Tests removed.
    TestsRemoved,
    /// Code without a touched test.
    Untested,
    /// Changed lines that no test executes.
    CoverageGap,
    /// Binary files, links and submodules: nobody reads them in a diff.
    Opaque,
}

impl fmt::Display for FactorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            FactorKind::Size => "size",
            FactorKind::Spread => "spread",
            FactorKind::Age => "age",
            FactorKind::Churn => "churn",
            FactorKind::Unfamiliar => "unfamiliar",
            FactorKind::Ai => "AI",
            FactorKind::Migrations => "migrations",
            FactorKind::Sensitive => "sensitive paths",
            FactorKind::Infrastructure => "infrastructure",
            FactorKind::Dependencies => "dependencies",
            FactorKind::Interface => "interface",
            FactorKind::UserInterface => "user interface",
            FactorKind::Deletions => "deletions",
            FactorKind::TestsRemoved => "tests removed",
            FactorKind::Untested => "untested",
            FactorKind::CoverageGap => "coverage gap",
            FactorKind::Opaque => "opaque files",
        })
    }
}
