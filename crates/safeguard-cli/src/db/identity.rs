//! Which server this is: each cluster has a number of its own, and an environment is registered by it.

use safeguard_api::Environment;
use safeguard_api::config::{ClusterOwner, GuardPolicy};
use tokio_postgres::Client;

use super::connect::told;
use crate::doctor::{Check, bad, care, good};

const NAME: &str = "identity";

/// A credential of one environment must never open another's server.
pub async fn check(client: &Client, environment: Environment, policy: &GuardPolicy) -> Check {
    let asked = client
        .query_one("SELECT system_identifier::text FROM pg_control_system()", &[])
        .await;
    let found: String = match asked {
        Ok(row) => row.get(0),
        Err(error) => {
            return bad(
                NAME,
                format!("the server does not say which one it is: {}", told(&error)),
                "`GRANT EXECUTE ON FUNCTION pg_control_system() TO …`",
            );
        }
    };
    match policy.cluster_owner(environment, &found) {
        ClusterOwner::Other(other) => bad(
            NAME,
            format!("asked as {environment}, and this is the server of {other} ({found})"),
            "take this credential away, and issue one for the right server",
        ),
        ClusterOwner::Own => good(NAME, format!("it is the server of {environment} ({found})")),
        ClusterOwner::Stranger { registered } => bad(
            NAME,
            format!("{environment} is registered as {registered}, and this is {found}"),
            "if the cluster was made anew, register its number in `[guard.system_identifiers]`",
        ),
        ClusterOwner::Unregistered => care(
            NAME,
            format!("this is {found}, and {environment} is not registered"),
            format!("add `{environment} = \"{found}\"` to `[guard.system_identifiers]`"),
        ),
    }
}
