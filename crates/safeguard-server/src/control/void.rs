//! Approvals that are worth nothing any more: said once, in the log, with the reason.

use safeguard_api::Approval;
use safeguard_api::approval::Void;
use safeguard_api::audit::Actor;
use safeguard_gate::approval::newly_void;
use safeguard_gate::{CaseFile, Parts};
use safeguard_store::StoreError;

use super::Loop;
use crate::record;

impl Loop {
    /// Records the approvals that something has made void since they were signed. They stay void, whatever comes back.
    pub(super) async fn invalidate(&self, file: &CaseFile, parts: &Parts) -> Result<(), StoreError> {
        let void: Vec<(Approval, String)> = file.with_case(parts, |case| {
            let void = newly_void(case).into_iter();
            void.map(|(approval, why)| (approval.clone(), why)).collect()
        });
        if void.is_empty() {
            return Ok(());
        }
        let at = file.now;
        self.store
            .write(move |tx| -> Result<(), StoreError> {
                for (mut approval, reason) in void {
                    let expired = approval.statement.expires <= at;
                    let kind = if expired {
                        "approval.expired"
                    } else {
                        "approval.invalidated"
                    };
                    let subject = vec![approval.id.to_string(), approval.statement.release.to_string()];
                    let text = format!("{} is void: {reason}", approval.id);
                    let decision = serde_json::json!({ "text": text, "reason": reason });
                    tx.append(&record::event(kind, Actor::system("gates"), subject, decision))?;
                    approval.void = Some(Void { at, reason });
                    tx.put(&approval)?;
                }
                Ok(())
            })
            .await?
    }
}
