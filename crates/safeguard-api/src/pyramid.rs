//! The pyramid of tests for AI code: what was shown in each layer, against what is asked for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::evidence::Layer;
use crate::gate::{Figure, Verdict};

/// Whether a release may leave its stage, as far as layers of tests are concerned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pyramid {
    pub verdict: Verdict,
    /// One sentence, with the figure that decided.
    pub reason: String,
    /// From the bottom up.
    pub layers: Vec<LayerStanding>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub figures: Vec<Figure>,
    /// What would have to be added, a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LayerStanding {
    pub layer: Layer,
    /// Tests that were executed; in the layer `syntax` also scanners that ran, in `chaos` faults of a drill, in `production` one
    /// for a release that users have used.
    pub executed: u64,
    pub failed: u64,
    /// Of all that was executed, in percent.
    pub share_percent: f64,
    /// The share that is aimed at; it is shown, and refuses nothing.
    pub target_percent: u32,
    /// Whether the release needs the layer before it leaves its stage.
    pub required: bool,
    pub shown: bool,
}
