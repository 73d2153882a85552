//! Where safeguard listens: no two listeners on one address, and none beyond this machine without TLS.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::{Config, ConfigProblem};

pub(super) fn check(config: &Config, found: &mut Vec<ConfigProblem>) {
    let mut all: Vec<(Vec<String>, SocketAddr, bool)> =
        vec![(vec!["listen".into(), "api".into()], config.listen.api, false)];
    for (name, service) in &config.services {
        for (environment, address) in &service.listen {
            let path = ["services", name.as_str(), "listen", environment.as_str()].map(str::to_owned);
            all.push((path.to_vec(), *address, service.tls.contains_key(environment)));
        }
    }
    for (name, proxy) in &config.proxies {
        let path = ["proxies", name.as_str(), "listen"].map(str::to_owned);
        all.push((path.to_vec(), proxy.listen, proxy.tls.is_some()));
    }
    let elsewhere: Vec<[&str; 3]> = config
        .proxies
        .iter()
        .filter(|(_, proxy)| proxy.elsewhere)
        .map(|(name, _)| ["proxies", name.as_str(), "listen"])
        .collect();
    let mut taken: BTreeMap<SocketAddr, String> = BTreeMap::new();
    for (path, address, has_tls) in all {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        if !address.ip().is_loopback() && !has_tls {
            let message = format!("{address} is reachable from other machines, and there is no TLS");
            let local = format!(
                "use `127.0.0.1:{}`, and let a TLS proxy on this machine forward to it",
                address.port()
            );
            let hint = match path.as_slice() {
                ["services", service, "listen", environment] => {
                    format!(
                        "name its certificate and key in `[services.{service}.tls.{environment}]`, or {local}"
                    )
                }
                ["proxies", proxy, "listen"] => {
                    format!("name its certificate and key in `[proxies.{proxy}.tls]`, or {local}")
                }
                _ => local,
            };
            found.push(ConfigProblem::new(&path, message).with_hint(hint));
        }
        // Port 0 asks the kernel for any free one, so two of them are two ports.
        if address.port() == 0 || elsewhere.iter().any(|other| path == other) {
            continue;
        }
        let name = path.join(".");
        if let Some(other) = taken.get(&address) {
            let message = format!("{address} is already taken by `{other}`");
            found.push(ConfigProblem::new(&path, message).with_hint("give each listener a port of its own"));
        } else {
            taken.insert(address, name);
        }
    }
}
