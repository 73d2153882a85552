//! Passkeys in a real browser: enrolled by an invitation, used to sign what the page shows, and refused otherwise.

use std::path::Path;

use serde_json::{Value, json};

use super::browser::Browser;
use super::signers::{Signers, Waiting};
use super::up::runtime;

/// `http://localhost:PORT/…`, as the command line printed it.
fn link(output: &std::process::Output) -> String {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Where `SAFEGUARD_SCREENSHOTS` says, for people to look at.
async fn keep_screenshot(browser: &Browser, name: &str) {
    let image = browser.screenshot().await;
    assert!(image.starts_with(b"\x89PNG"), "not an image");
    if let Some(folder) = std::env::var_os("SAFEGUARD_SCREENSHOTS") {
        std::fs::write(Path::new(&folder).join(format!("{name}.png")), image).expect("written");
    }
}

#[test]
fn a_passkey_is_enrolled_once_and_signs_what_the_page_shows() {
    runtime().block_on(async {
        let signers = Signers::start().await;
        let up = &signers.up;
        let Waiting { release, .. } = signers.waiting("1.0", json!({})).await;
        signers.until_only_approvals_lack(&release).await;

        // Only for a person whom the policy lets sign so.
        let stranger = up.safeguard(&["passkey", "invite", "--person", "Nobody"]);
        assert_eq!(stranger.status.code(), Some(1));
        let invitation = link(&up.safeguard(&["passkey", "invite", "--person", "Max Coe"]));
        let browser = Browser::start(1100, 1000, false).await;
        let authenticator = browser.add_authenticator(true).await;
        browser.open(&invitation).await;
        browser.until_says("who", "For Max Coe").await;
        keep_screenshot(&browser, "enrol").await;
        assert_eq!(
            browser.run("return location.href.includes('code')").await,
            false,
            "the code stays in no history"
        );
        browser.click("enrol").await;
        browser.until_says("answer", "Enrolled").await;
        browser.open(&invitation).await;
        let again = browser.run("return document.body.innerText").await;
        assert!(again.to_string().contains("used before"), "{again}");

        let page = link(&up.safeguard(&["approve", &release, "--passkey"]));
        browser.open(&page).await;
        browser.until_says("dossier", "please charge twice").await;
        for wanted in ["Charge twice", "src/pay.rs", "Roll the release back"] {
            assert!(
                browser.text("dossier").await.contains(wanted),
                "{wanted} is not shown"
            );
        }
        browser.until_says("people", "Max Coe").await;
        keep_screenshot(&browser, "approve-light").await;

        // Without a PIN, a finger or a face the device gives nothing that counts.
        browser.set_user_verified(&authenticator, false).await;
        browser.click("approve").await;
        browser.until_says("answer", "was not used").await;
        assert_eq!(signers.counted(&release).await, 0);
        browser.set_user_verified(&authenticator, true).await;
        browser.click("approve").await;
        browser.until_says("answer", "Approved as Max Coe").await;
        keep_screenshot(&browser, "approved").await;
        assert_eq!(signers.counted(&release).await, 1);
        browser.open(&page).await;
        let again = browser.run("return document.body.innerText").await;
        assert!(again.to_string().contains("used before"), "{again}");

        refuse_what_is_not_right(&signers, &browser, &release).await;

        let passkeys = up.ok("GET", "/api/v1/passkeys", None).await;
        let credential = passkeys[0]["credential"].as_str().expect("an id").to_owned();
        let revoked = up.safeguard(&["passkey", "revoke", &credential]);
        assert!(
            revoked.status.success(),
            "{}",
            String::from_utf8_lossy(&revoked.stderr)
        );
        signers
            .until_void(&release, "approval.invalidated", "the passkey was revoked")
            .await;
        assert_eq!(signers.counted(&release).await, 0);
    });
}

/// Assertions that the browser makes, and that the server must not take.
async fn refuse_what_is_not_right(signers: &Signers, browser: &Browser, release: &str) {
    browser
        .open(&link(&signers.up.safeguard(&["approve", release, "--passkey"])))
        .await;
    browser.until_says("people", "Max Coe").await;
    let sent = |challenge: &str, verification: &str| {
        format!(
            "return (async () => {{
               const request = await ask('approve');
               const keys = (await call('GET', '/api/v1/passkeys')).filter((key) => !key.revoked_at);
               const made = await navigator.credentials.get({{ publicKey: {{
                 rpId: 'localhost', challenge: {challenge}, userVerification: '{verification}',
                 allowCredentials: keys.map((key) => ({{ type: 'public-key', id: decode(key.credential) }})),
               }} }});
               return {{ text: request.text, signature: {{
                 kind: 'passkey', credential: encode(made.rawId),
                 authenticator_data: encode(made.response.authenticatorData),
                 client_data: encode(made.response.clientDataJSON), signature: encode(made.response.signature),
               }} }};
             }})()"
        )
    };
    let other = browser.run(&sent("new Uint8Array(32)", "required")).await;
    signers
        .refused(signers.add(release, other).await, "not the digest of these bytes")
        .await;
    let right = browser.run(&sent("await digest(request.text)", "required")).await;
    let mut another_site = right.clone();
    let client = decoded(&right["signature"]["client_data"]);
    let port = signers.up.api.port();
    let forged = client.replace(&format!("localhost:{port}"), "evil.example");
    assert_ne!(forged, client);
    another_site["signature"]["client_data"] = encoded(forged.as_bytes()).into();
    signers
        .refused(signers.add(release, another_site).await, "the page came from")
        .await;
    let mut altered = right.clone();
    altered["text"] = right["text"]
        .as_str()
        .expect("a text")
        .replace("\"environment\":\"qa\"", "\"environment\":\"production\"")
        .into();
    signers
        .refused(
            signers.add(release, altered).await,
            "is not the one that the server made",
        )
        .await;
    let mut unverified = right.clone();
    let mut data = base64_decode(&right["signature"]["authenticator_data"]);
    data[32] &= !0x04;
    unverified["signature"]["authenticator_data"] = encoded(&data).into();
    signers
        .refused(
            signers.add(release, unverified).await,
            "did not verify who used it",
        )
        .await;
    let mut longer = right.clone();
    let mut data = base64_decode(&right["signature"]["authenticator_data"]);
    data[36] ^= 1;
    longer["signature"]["authenticator_data"] = encoded(&data).into();
    signers
        .refused(signers.add(release, longer).await, "not one of these bytes")
        .await;
    let (status, answer) = signers.add(release, right).await;
    assert_eq!(status, 200, "{answer:#}");
}

#[test]
fn the_page_is_for_narrow_screens_dark_rooms_and_keyboards() {
    runtime().block_on(async {
        let signers = Signers::start().await;
        let Waiting { release, .. } = signers.waiting("1.0", json!({})).await;
        let browser = Browser::start(500, 900, true).await;
        browser
            .open(&link(&signers.up.safeguard(&["approve", &release, "--passkey"])))
            .await;
        browser.until_says("dossier", "please charge twice").await;
        keep_screenshot(&browser, "approve-narrow-dark").await;
        let wide = browser
            .run("return document.documentElement.scrollWidth <= document.documentElement.clientWidth")
            .await;
        assert_eq!(wide, true, "the page is wider than the screen");
        assert_eq!(
            browser
                .run("return matchMedia('(prefers-color-scheme: dark)').matches")
                .await,
            true
        );
        let dark = browser
            .run("return getComputedStyle(document.body).backgroundColor")
            .await;
        assert_eq!(dark, "rgb(13, 17, 23)");
        // Everything that can be done is reached by the keyboard, in the order in which it is read.
        let reached = browser
            .run(
                "return [...document.querySelectorAll('a, button, summary, textarea, [tabindex]')]
                   .filter((one) => one.tabIndex >= 0).map((one) => one.id || one.tagName.toLowerCase())",
            )
            .await;
        assert_eq!(
            reached,
            json!([
                "a", "dossier", "approve", "summary", "reason", "reject", "withdraw"
            ])
        );
        let labelled = browser
            .run("return document.querySelector('label[for=reason]') !== null")
            .await;
        assert_eq!(labelled, true);
    });
}

fn encoded(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

fn base64_decode(text: &Value) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(text.as_str().expect("a text"))
        .expect("base64url")
}

fn decoded(text: &Value) -> String {
    String::from_utf8(base64_decode(text)).expect("UTF-8")
}
