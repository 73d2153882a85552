//! The dossier of a change: complete, safe to open, and verified by the reader's own browser with no server.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::up::{QUICK_STAGES, Up, runtime};

/// What a browser without a network makes of the page.
fn browsed(page: &Path, profile: &Path) -> String {
    let told = Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
        ])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ])
        .arg(format!("--user-data-dir={}", profile.display()))
        .args(["--virtual-time-budget=20000", "--timeout=60000", "--dump-dom"])
        .arg(format!("file://{}", page.display()))
        .output()
        .expect("chromium runs; `./test` installs it");
    String::from_utf8_lossy(&told.stdout).into_owned()
}

#[test]
fn a_browser_verifies_the_page_and_notices_a_changed_entry() {
    runtime().block_on(async {
        let up = Up::start(QUICK_STAGES).await;
        let artifact = up.artifact("shop-1-0", "one");
        let release = up.release(&artifact, "1.0", &[]).await;
        up.until_phase(&release, "live").await;
        let shown = up.ok("GET", &format!("/api/v1/releases/{release}"), None).await;
        let change = shown["release"]["new_changes"][0]
            .as_str()
            .expect("a change")
            .to_owned();
        let folder = up.state.path();
        let intent = "Charge once.\n\n</pre><script>document.title = 'taken over'</script>";
        std::fs::write(folder.join("intent.md"), intent).expect("written");
        let attached = up.safeguard(&["change", "attach", &change, "intent", "intent.md"]);
        assert!(
            attached.status.success(),
            "{}",
            String::from_utf8_lossy(&attached.stderr)
        );

        let markdown = up.safeguard(&["change", "dossier", &change]);
        let markdown = String::from_utf8_lossy(&markdown.stdout).into_owned();
        for wanted in [
            "# version 1.0",
            "> Charge once.",
            "boxes are open",
            "safeguard release rollback rel_",
            "deploy.live",
        ] {
            assert!(markdown.contains(wanted), "{wanted} is missing in:\n{markdown}");
        }
        let written = up.safeguard(&["change", "dossier", &change, "--html", "dossier.html"]);
        assert!(
            written.status.success(),
            "{}",
            String::from_utf8_lossy(&written.stderr)
        );

        let page = folder.join("dossier.html");
        let seen = browsed(&page, &folder.join("profile"));
        assert!(seen.contains("Verified in this browser: all"), "{seen}");
        assert!(
            !seen.contains("<title>taken over"),
            "words of a document became a script"
        );

        let text = std::fs::read_to_string(&page).expect("readable");
        let changed = text.replace("change.proposed", "change.forgotten");
        assert_ne!(changed, text);
        std::fs::write(&page, changed).expect("written");
        let seen = browsed(&page, &folder.join("profile"));
        assert!(
            seen.contains("NOT verified"),
            "a changed entry went unnoticed: {seen}"
        );

        let (status, _) = up
            .call("GET", "/api/v1/changes/chg_0000000000000000/dossier", None)
            .await;
        assert_eq!(status, 404);
        let (status, answer) = up
            .call(
                "GET",
                &format!("/api/v1/changes/{change}/dossier?format=pdf"),
                None,
            )
            .await;
        assert_eq!(status, 400, "{answer}");
        assert_eq!(
            up.ok("GET", &format!("/api/v1/changes/{change}/dossier"), None)
                .await["api"],
            json!("safeguard.dossier/1")
        );
    });
}
