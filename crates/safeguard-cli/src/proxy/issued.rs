//! Asks the server, again and again, which logins it has issued for the proxies.

use std::sync::Arc;
use std::thread;
use std::time::Instant;

use safeguard_api::Name;
use safeguard_api::credential::LiveCredentials;
use safeguard_dataplane::pg::{InForce, IssuedLogin};

use super::{LOOK_EVERY, client};
use crate::api_client::ApiClient;
use crate::args::Globals;
use crate::failure::Failure;

pub struct AskedForLogins {
    pub globals: Globals,
    pub proxies: Vec<Name>,
    pub in_force: Arc<InForce>,
}

impl AskedForLogins {
    /// Takes what the server answers into force, for ever. While it does not answer, what is known holds until it
    /// expires, and nothing new comes.
    pub fn watch(self) {
        let mut complained = false;
        loop {
            let asked = client(&self.globals).and_then(|client| {
                let mut proxies = self.proxies.iter();
                proxies.try_for_each(|proxy| self.ask(&client, proxy))
            });
            match asked {
                Ok(()) => complained = false,
                Err(failure) if !complained => {
                    complained = true;
                    tracing::warn!(
                        why = failure.title(),
                        "The server does not say which credentials are live; those that are known hold until they expire"
                    );
                }
                Err(_) => {}
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    fn ask(&self, client: &ApiClient, proxy: &Name) -> Result<(), Failure> {
        // What is left is counted from before the question, so that nothing holds longer than the server meant.
        let asked = Instant::now();
        let answer: LiveCredentials = client.get(&format!("/api/v1/credentials/live?proxy={proxy}"))?;
        let at = answer.at;
        let live = answer
            .live
            .into_iter()
            .filter(|credential| credential.proxy == *proxy);
        let logins = live.filter_map(|credential| {
            let ends = asked + credential.expires.since(at).into();
            IssuedLogin::new(credential, ends)
        });
        self.in_force.issue(proxy, logins.collect());
        Ok(())
    }
}
