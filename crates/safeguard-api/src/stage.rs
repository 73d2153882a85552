//! The five stages, the four environments they run in, and the share of users.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a release stands on its way; the order is the way, and there is no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    Dev,
    Qa,
    Staging,
    Canary,
    Production,
}

/// Where instances run. Canary and production are two stages of one environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    Dev,
    Qa,
    Staging,
    Production,
}

impl Stage {
    pub const ALL: [Stage; 5] = [
        Stage::Dev,
        Stage::Qa,
        Stage::Staging,
        Stage::Canary,
        Stage::Production,
    ];

    #[must_use]
    pub fn environment(self) -> Environment {
        match self {
            Stage::Dev => Environment::Dev,
            Stage::Qa => Environment::Qa,
            Stage::Staging => Environment::Staging,
            Stage::Canary | Stage::Production => Environment::Production,
        }
    }

    /// The stage after this one, none after production.
    #[must_use]
    pub fn next(self) -> Option<Stage> {
        match self {
            Stage::Dev => Some(Stage::Qa),
            Stage::Qa => Some(Stage::Staging),
            Stage::Staging => Some(Stage::Canary),
            Stage::Canary => Some(Stage::Production),
            Stage::Production => None,
        }
    }

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Dev => "dev",
            Stage::Qa => "qa",
            Stage::Staging => "staging",
            Stage::Canary => "canary",
            Stage::Production => "production",
        }
    }
}

impl Environment {
    pub const ALL: [Environment; 4] = [
        Environment::Dev,
        Environment::Qa,
        Environment::Staging,
        Environment::Production,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Environment::Dev => "dev",
            Environment::Qa => "qa",
            Environment::Staging => "staging",
            Environment::Production => "production",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Says that a word names no environment.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not an environment: dev, qa, staging or production")]
pub struct EnvironmentError(String);

impl FromStr for Environment {
    type Err = EnvironmentError;
    fn from_str(text: &str) -> Result<Self, EnvironmentError> {
        Environment::ALL
            .into_iter()
            .find(|environment| environment.as_str() == text)
            .ok_or_else(|| EnvironmentError(text.chars().take(40).collect()))
    }
}

/// A share of users in whole percent, 0 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Percent(u8);

impl JsonSchema for Percent {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Percent".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "integer", "minimum": 0, "maximum": 100 })
    }
}

impl Percent {
    pub const ZERO: Percent = Percent(0);
    pub const ALL: Percent = Percent(100);

    #[must_use]
    pub fn get(self) -> u8 {
        self.0
    }
}

/// Says that a number is no percentage.
#[derive(Debug, thiserror::Error)]
#[error("{0} is not a share in percent, 0 to 100")]
pub struct PercentError(u8);

impl TryFrom<u8> for Percent {
    type Error = PercentError;
    fn try_from(value: u8) -> Result<Self, PercentError> {
        if value <= 100 {
            Ok(Percent(value))
        } else {
            Err(PercentError(value))
        }
    }
}

impl From<Percent> for u8 {
    fn from(percent: Percent) -> u8 {
        percent.0
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.0)
    }
}
