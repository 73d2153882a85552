//! What the new changes touch, who owns it, and who has worked on it before.

use std::collections::BTreeMap;

use safeguard_api::config::Approver;

use super::identity::committed_as;
use crate::case::Case;
use crate::owners::Owners;

/// The touched paths with their owners, and everyone who has a commit in them.
#[derive(Debug, Default)]
pub(super) struct Touched {
    /// As CODEOWNERS writes them; nobody for a path without owners.
    owners: BTreeMap<String, Vec<String>>,
    /// `Name <address>`, at the bases of the changes.
    authors: Vec<String>,
}

/// Gathers the paths of all new changes.
///
/// # Errors
/// What has to be attached first, a sentence each.
pub(super) fn touched(case: &Case<'_>) -> Result<Touched, Vec<String>> {
    let mut touched = Touched::default();
    let mut missing = Vec::new();
    for change in case.changes {
        let id = &change.change.id;
        let (Some(diff), Some(history)) = (change.diff, change.history) else {
            missing.push(format!(
                "the diff and the history of {id} are not attached: record changes in their git repository"
            ));
            continue;
        };
        let owners = match history.codeowners.as_deref().map(Owners::read).transpose() {
            Ok(owners) => owners.unwrap_or_else(Owners::default),
            Err(error) => {
                missing.push(format!("CODEOWNERS at the base of {id} can not be read: {error}"));
                continue;
            }
        };
        for file in &diff.files {
            for path in std::iter::once(&file.path).chain(&file.moved_from) {
                let owning = touched.owners.entry(path.clone()).or_default();
                for owner in owners.of(path) {
                    if !owning.contains(owner) {
                        owning.push(owner.clone());
                    }
                }
                let authors = history
                    .files
                    .get(path)
                    .into_iter()
                    .flat_map(|file| file.authors.keys());
                touched.authors.extend(authors.cloned());
            }
        }
    }
    touched.authors.sort();
    touched.authors.dedup();
    if missing.is_empty() {
        Ok(touched)
    } else {
        Err(missing)
    }
}

impl Touched {
    /// Whether the person has a commit in the touched paths. Where all of them are new nobody has, and nobody is asked.
    pub fn has_record(&self, approver: &Approver) -> bool {
        self.authors.is_empty() || self.authors.iter().any(|author| committed_as(approver, author))
    }

    pub fn owns_any(&self, approver: &Approver) -> bool {
        self.owners.is_empty() || self.owners.values().any(|owners| owns(approver, owners))
    }

    /// How many of the seniors may speak for the path that has the fewest, and which path that is.
    pub fn least_covered(&self, seniors: &[&Approver]) -> (u32, Option<(&str, &[String])>) {
        let all = u32::try_from(seniors.len()).unwrap_or(u32::MAX);
        let covered = self.owners.iter().map(|(path, owners)| {
            let covering = seniors.iter().filter(|senior| owns(senior, owners)).count();
            (
                u32::try_from(covering).unwrap_or(u32::MAX),
                Some((path.as_str(), owners.as_slice())),
            )
        });
        covered
            .min_by_key(|(covering, _)| *covering)
            .unwrap_or((all, None))
    }
}

/// Whether the person may speak for a path with these owners; without owners everyone may.
fn owns(approver: &Approver, owners: &[String]) -> bool {
    let same = |one: &String, other: &String| one.eq_ignore_ascii_case(other);
    owners.is_empty()
        || owners.iter().any(|owner| {
            approver.owner_names.iter().any(|name| same(name, owner))
                || approver.emails.iter().any(|email| same(email, owner))
        })
}
