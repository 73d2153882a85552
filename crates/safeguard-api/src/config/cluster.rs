//! Whose PostgreSQL cluster it is: each has a number of its own, and an environment is registered by it.

use super::GuardPolicy;
use crate::stage::Environment;

/// Whose cluster answers, as seen from one environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClusterOwner<'p> {
    /// The environment's own.
    Own,
    /// Another environment's: whatever opened it was issued for the wrong server, or leads to it.
    Other(Environment),
    /// The environment is registered by another number, and none by this one.
    Stranger { registered: &'p str },
    /// Nothing is known of the environment, nor of the number.
    Unregistered,
}

impl GuardPolicy {
    /// Tells whose cluster has this number, asked from an environment.
    #[must_use]
    pub fn cluster_owner(&self, environment: Environment, identifier: &str) -> ClusterOwner<'_> {
        let known = &self.system_identifiers;
        let other = known
            .iter()
            .find(|(other, registered)| **other != environment && registered.as_str() == identifier);
        match (known.get(&environment), other) {
            (_, Some((other, _))) => ClusterOwner::Other(*other),
            (Some(registered), None) if registered == identifier => ClusterOwner::Own,
            (Some(registered), None) => ClusterOwner::Stranger { registered },
            (None, None) => ClusterOwner::Unregistered,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_belongs_to_whom_it_is_registered_for() {
        let policy = GuardPolicy {
            system_identifiers: [(Environment::Staging, "71"), (Environment::Production, "72")]
                .map(|(environment, number)| (environment, number.to_owned()))
                .into(),
            ..GuardPolicy::default()
        };
        let owner = |environment, number| policy.cluster_owner(environment, number);
        assert_eq!(owner(Environment::Production, "72"), ClusterOwner::Own);
        assert_eq!(
            owner(Environment::Production, "71"),
            ClusterOwner::Other(Environment::Staging)
        );
        assert_eq!(
            owner(Environment::Production, "7"),
            ClusterOwner::Stranger { registered: "72" }
        );
        assert_eq!(
            owner(Environment::Dev, "72"),
            ClusterOwner::Other(Environment::Production)
        );
        assert_eq!(owner(Environment::Dev, "7"), ClusterOwner::Unregistered);
    }
}
