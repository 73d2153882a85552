//! `safeguard release bisect`

use clap::Args;
use safeguard_api::ReleaseId;

#[derive(Debug, Args)]
pub struct BisectArgs {
    /// A release that was rolled back, and carries several changes
    pub release: ReleaseId,
    /// Try nothing: say only which changes what is known speaks against
    #[arg(long)]
    pub by_evidence: bool,
    /// The path of a request that failed, such as /checkout; may be given again
    #[arg(long = "failing-path", value_name = "PATH")]
    pub failing_paths: Vec<String>,
    /// Forget what was tried, and begin again
    #[arg(long)]
    pub anew: bool,
}
