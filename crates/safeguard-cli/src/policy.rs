//! `safeguard policy …`

use safeguard_api::status::PolicyStatus;

use crate::api_client::ApiClient;
use crate::args::{Globals, PolicyVerb};
use crate::failure::Failure;
use crate::output::Output;
use crate::{config_file, failure};

pub fn policy(globals: &Globals, verb: PolicyVerb, output: &Output) -> Result<(), failure::Failure> {
    match verb {
        PolicyVerb::Show => {
            let status: PolicyStatus = ApiClient::new(globals)?.get("/api/v1/policy")?;
            show(&status, output)
        }
        PolicyVerb::Apply => {
            let (config, _) = config_file::load(&globals.config, output)?;
            let status: PolicyStatus = ApiClient::new(globals)?.post("/api/v1/policy", &config.policy())?;
            output.say("Releases that enter from now on are judged by it; the ones on their way by theirs.");
            show(&status, output)
        }
    }
}

fn show(status: &PolicyStatus, output: &Output) -> Result<(), Failure> {
    if output.json {
        return output.json_text(status);
    }
    let mut text = format!(
        "# {}\n# applied {} by {}\n",
        status.id, status.applied_at, status.applied_by
    );
    if !status.older.is_empty() {
        let older: Vec<&str> = status.older.iter().map(|release| release.as_str()).collect();
        text.push_str(&format!("# still judged by an older one: {}\n", older.join(", ")));
    }
    let policy = toml::to_string(&status.policy).map_err(anyhow::Error::from)?;
    output.text(&format!("{text}{policy}"))
}
