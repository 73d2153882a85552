//! Owners are told through the `exec` hook, and a hook that fails is tried again.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use super::up::{QUICK_STAGES, Up, runtime};

/// Fails the first time that it is run; what it was given then is in another file.
const HOOK: &str = r#"#!/bin/sh
notice=$(cat)
if mkdir "$0.ran" 2>/dev/null; then
    printf '%s\n' "$notice" >> "$0.refused"
    exit 1
fi
printf '%s\n' "$notice" >> "$0.told"
"#;

#[test]
fn owners_are_told_and_a_failing_hook_is_tried_again() {
    runtime().block_on(async {
        let outside = tempfile::tempdir().expect("a temporary folder");
        let hook = outside.path().join("hook");
        std::fs::write(&hook, HOOK).expect("the hook is written");
        std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).expect("it may be run");
        let told = outside.path().join("hook.told");
        let up = Up::start_with(QUICK_STAGES, |config| {
            format!("{config}\n[notify]\nexec = [\"{}\"]\n", hook.display())
        })
        .await;

        let first = up.release(&up.artifact("shop-1-0", "first"), "1.0", &[]).await;
        up.until("the owner is told that it is live", async || {
            (notices(&told).len() == 1).then_some(())
        })
        .await;
        // With two more, one after the other: whatever was told twice would stand before the last.
        let mut rolled_back = Vec::new();
        for version in ["1.1", "1.2"] {
            let release = up.release(&up.artifact("shop-1-0", version), version, &[]).await;
            let output = up.safeguard(&["release", "rollback", &release]);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{said}");
            rolled_back.push(release);
            up.until("the owner is told of the rollback", async || {
                (rolled_back.len() < notices(&told).len()).then_some(())
            })
            .await;
        }

        let told = notices(&told);
        let seen: Vec<[&str; 5]> = told
            .iter()
            .map(|notice| ["api", "event", "service", "release", "version"].map(|key| text(notice, key)))
            .collect();
        let api = "safeguard.notice/1";
        assert_eq!(
            seen,
            [
                [api, "live", "shop", &first, "1.0"],
                [api, "rolled_back", "shop", &rolled_back[0], "1.1"],
                [api, "rolled_back", "shop", &rolled_back[1], "1.2"],
            ],
            "{told:#?}"
        );
        assert!(
            text(&told[1], "text").contains("admin"),
            "it says who: {}",
            told[1]
        );
        let refused = notices(&outside.path().join("hook.refused"));
        assert_eq!(refused, told[..1], "the same notice was given twice");
    });
}

fn notices(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines()
        .map(|line| serde_json::from_str(line).expect("one notice a line"))
        .collect()
}

fn text<'n>(notice: &'n Value, key: &str) -> &'n str {
    notice[key].as_str().expect("a text")
}
