//! Passkeys in a real browser: enrolled by an invitation, used to sign what the page shows, and refused otherwise.

use std::path::Path;

use serde_json::{Value, json};

use super::browser::Browser;
use super::signers::{Signers, Waiting};
use super::up::runtime;

/// `http://localhost:PORT/…`, as the command line printed it.
fn link(output: &std::process::Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Kept where `SAFEGUARD_SCREENSHOTS` says, for people to look at.
async fn keep_screenshot(browser: &Browser, name: &str) {
    let image = browser.screenshot().await;
    assert!(image.starts_with(b"\x89PNG"), "not an image");
    if let Some(folder) = std::env::var_os("SAFEGUARD_SCREENSHOTS") {
        std::fs::write(Path::new(&folder).join(format!("{name}.png")), image).expect("written");
    }
}

/// A browser in which Max has enrolled a passkey, the authenticator that has it, and its id.
struct Enrolled {
    browser: Browser,
    authenticator: String,
    credential: String,
    /// What the browser was asked for, and what it sent.
    asked: Value,
    sent: Value,
}

impl Enrolled {
    async fn max(signers: &Signers) -> Enrolled {
        let up = &signers.up;
        let browser = Browser::start(1100, 1000, false).await;
        let authenticator = browser.add_authenticator(true).await;
        let invitation = link(&up.safeguard(&["passkey", "invite", "--person", "Max Coe"]));
        browser.open(&invitation).await;
        browser.until_says("who", "For Max Coe").await;
        let asked = browser
            .run("return call('GET', '/api/v1/passkeys/invitation')")
            .await;
        let listen = "const plain = call; call = (method, path, body) => { window.last = body; return plain(method, path, body); }";
        browser.run(listen).await;
        browser.click("enrol").await;
        browser.until_says("answer", "Enrolled").await;
        let sent = browser.run("return window.last").await;
        let passkeys = up.ok("GET", "/api/v1/passkeys", None).await;
        assert_eq!(passkeys[0]["person"], "Max Coe", "{passkeys:#}");
        let credential = passkeys[0]["credential"].as_str().expect("an id").to_owned();
        Enrolled {
            browser,
            authenticator,
            credential,
            asked,
            sent,
        }
    }

    /// What the authenticator signs for the page that is open, whatever that is, when it asks for these bytes.
    async fn assertion(&self, text: &str, verification: &str) -> Value {
        let (text, credential) = (json!(text), json!(self.credential));
        let script = format!(
            "const encode = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
               .replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
             const decode = (text) => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
             return (async () => {{
               const challenge = await crypto.subtle.digest('SHA-256', new TextEncoder().encode({text}));
               const made = await navigator.credentials.get({{ publicKey: {{
                 rpId: 'localhost', challenge, userVerification: '{verification}',
                 allowCredentials: [{{ type: 'public-key', id: decode({credential}) }}],
               }} }});
               return {{
                 kind: 'passkey', credential: encode(made.rawId),
                 authenticator_data: encode(made.response.authenticatorData),
                 client_data: encode(made.response.clientDataJSON), signature: encode(made.response.signature),
               }};
             }})()"
        );
        self.browser.run(&script).await
    }

    /// A new statement about the release, signed.
    async fn signed(&self, signers: &Signers, release: &str) -> Value {
        let text = statement(signers, release).await;
        let signature = self.assertion(&text, "required").await;
        json!({ "text": text, "signature": signature })
    }
}

/// Written where `SAFEGUARD_VECTORS` says: what the tests of the verification alone read.
fn keep_vectors(signers: &Signers, max: &Enrolled, right: &Value, touched: &Value) {
    let Some(file) = std::env::var_os("SAFEGUARD_VECTORS") else {
        return;
    };
    let vectors = json!({
        "origin": format!("http://localhost:{}", signers.up.api.port()),
        "challenge": max.asked["challenge"], "enrolment": max.sent, "right": right, "touched": touched,
    });
    std::fs::write(file, format!("{vectors:#}\n")).expect("written");
}

async fn statement(signers: &Signers, release: &str) -> String {
    let request = signers.request(release, json!({ "decision": "approve" })).await;
    request["text"].as_str().expect("a text").to_owned()
}

async fn open_approval(signers: &Signers, browser: &Browser, release: &str) {
    let page = link(&signers.up.safeguard(&["approve", release, "--passkey"]));
    assert!(page.starts_with("http://localhost:"), "{page}");
    browser.open(&page).await;
}

#[test]
fn a_passkey_is_enrolled_once_and_what_it_signs_lets_a_release_move() {
    runtime().block_on(async {
        let signers = Signers::start().await;
        let up = &signers.up;
        let Waiting { release, .. } = signers.waiting("1.0", json!({})).await;
        signers.until_only_approvals_lack(&release).await;

        // Only for a person whom the policy lets sign so.
        for nobody in ["Nobody", "Kim Doe"] {
            let refused = up.safeguard(&["passkey", "invite", "--person", nobody]);
            assert_eq!(refused.status.code(), Some(1), "{nobody}");
        }
        let invitation = link(&up.safeguard(&["passkey", "invite", "--person", "Max Coe"]));
        let browser = Browser::start(1100, 1000, false).await;
        let authenticator = browser.add_authenticator(true).await;
        browser.open(&invitation).await;
        browser.until_says("who", "For Max Coe").await;
        keep_screenshot(&browser, "enrol").await;
        let address = browser.run("return location.href").await;
        assert!(
            !address.to_string().contains("code"),
            "the code stays in {address}"
        );
        browser.click("enrol").await;
        browser.until_says("answer", "Enrolled").await;
        keep_screenshot(&browser, "enrolled").await;
        browser.open(&invitation).await;
        browser.until_page_says("was used before").await;
        keep_screenshot(&browser, "stale").await;
        // The same device again would only be the same key under another name.
        browser
            .open(&link(
                &up.safeguard(&["passkey", "invite", "--person", "Max Coe"]),
            ))
            .await;
        browser.until_says("who", "For Max Coe").await;
        browser.click("enrol").await;
        browser
            .until_says("answer", "has a passkey of yours already")
            .await;

        let page = link(&up.safeguard(&["approve", &release, "--passkey"]));
        browser.open(&page).await;
        browser.until_says("dossier", "please charge twice").await;
        for wanted in ["Charge twice", "src/pay.rs", "Roll the release back"] {
            assert!(
                browser.text("dossier").await.contains(wanted),
                "{wanted} is not shown"
            );
        }
        let shown = browser.text("dossier").await;
        assert!(!shown.contains('\\'), "an escape of Markdown is shown");
        assert!(!shown.contains('\u{1b}'), "what is not seen is not marked");
        browser.until_says("people", "Max Coe").await;
        let signed = browser.text("statement").await;
        assert!(
            signed.contains(&release) && signed.contains(&browser.text("digest").await),
            "{signed}"
        );
        keep_screenshot(&browser, "approve").await;

        // Without a PIN, a finger or a face the device gives nothing.
        browser.set_user_verified(&authenticator, false).await;
        browser.click("approve").await;
        browser.until_says("answer", "The passkey was not used").await;
        keep_screenshot(&browser, "approve-cancelled").await;
        assert_eq!(signers.counted(&release).await, 0);
        browser.set_user_verified(&authenticator, true).await;
        browser.click("approve").await;
        browser.until_says("answer", "Approved as Max Coe").await;
        browser.until_says("count", "1 of 2 people").await;
        keep_screenshot(&browser, "approved").await;
        assert_eq!(signers.counted(&release).await, 1);
        browser.open(&page).await;
        browser.until_page_says("was used before").await;

        assert_ne!(up.phase(&release).await, "live");
        signers.approved(&release, "kim").await;
        up.until_phase(&release, "live").await;
        let listed = up.safeguard(&["approval", "list", &release]);
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        let how = |person: &str| {
            let row = listed.lines().find(|row| row.contains(person));
            row.unwrap_or_else(|| panic!("{person} is not in {listed}"))
                .to_owned()
        };
        assert!(
            how("Max Coe").contains("passkey") && how("Kim Doe").contains("SSH key"),
            "{listed}"
        );
        let entries = up
            .ok("GET", "/api/v1/audit/entries?limit=500", None)
            .await
            .to_string();
        for kind in [
            "credential.invited",
            "credential.created",
            "credential.linked",
            "approval.granted",
        ] {
            assert!(entries.contains(kind), "{kind} is not in the log");
        }
        assert!(entries.contains("approved with a passkey for qa"), "{entries}");
        open_approval(&signers, &browser, &release).await;
        browser.until_says("answer", "This release is live").await;
        keep_screenshot(&browser, "approve-over").await;
    });
}

#[test]
fn an_assertion_that_is_not_exactly_right_is_refused() {
    runtime().block_on(async {
        let signers = Signers::start().await;
        let Waiting { release, .. } = signers.waiting("1.0", json!({})).await;
        signers.until_only_approvals_lack(&release).await;
        let max = Enrolled::max(&signers).await;
        open_approval(&signers, &max.browser, &release).await;
        max.browser.until_says("people", "Max Coe").await;

        // A finger that only touched: the browser asks for no more when the page does not.
        max.browser.set_user_verified(&max.authenticator, false).await;
        let text = statement(&signers, &release).await;
        let touched = max.assertion(&text, "discouraged").await;
        let touched = json!({ "text": text, "signature": touched });
        let refused = signers.add(&release, touched.clone()).await;
        signers.refused(refused, "did not verify who used it").await;
        max.browser.set_user_verified(&max.authenticator, true).await;

        // Another statement than the one that was signed: its text altered, one of another time, one of another release.
        let right = max.signed(&signers, &release).await;
        keep_vectors(&signers, &max, &right, &touched);
        let mut altered = right.clone();
        let text = right["text"].as_str().expect("a text");
        altered["text"] = text
            .replace("\"environment\":\"qa\"", "\"environment\":\"production\"")
            .into();
        assert_ne!(altered, right);
        let refused = signers.add(&release, altered).await;
        signers
            .refused(refused, "is not the one that the server made")
            .await;
        let mut moved = right.clone();
        moved["text"] = statement(&signers, &release).await.into();
        let refused = signers.add(&release, moved).await;
        signers.refused(refused, "not the digest of these bytes").await;
        let sibling = signers.waiting("1.1", json!({})).await.release;
        let refused = signers.add(&sibling, right.clone()).await;
        signers.refused(refused, "the statement speaks of").await;
        let mut moved = right.clone();
        moved["text"] = statement(&signers, &sibling).await.into();
        let refused = signers.add(&sibling, moved).await;
        signers.refused(refused, "not the digest of these bytes").await;
        assert_eq!(signers.counted(&release).await, 0);

        // Right, once; and the same again.
        let (status, answer) = signers.add(&release, right.clone()).await;
        assert_eq!(status, 200, "{answer:#}");
        assert_eq!(signers.counted(&release).await, 1);
        let refused = signers.add(&release, right).await;
        signers.refused(refused, "was signed before").await;
    });
}

/// The app under release runs on the same machine, so that its pages share the domain `localhost` with ours.
#[test]
fn a_page_of_the_released_app_gets_nothing_that_counts() {
    runtime().block_on(async {
        let signers = Signers::start().await;
        let Waiting { release, .. } = signers.waiting("1.0", json!({})).await;
        signers.until_only_approvals_lack(&release).await;
        let max = Enrolled::max(&signers).await;
        let dev = signers.up.environments[0].port();
        max.browser.open(&format!("http://localhost:{dev}/")).await;
        let lured = max.signed(&signers, &release).await;
        let refused = signers.add(&release, lured).await;
        signers
            .refused(refused, &format!("the page came from `http://localhost:{dev}`"))
            .await;

        // Nor does the server listen to it, though browsers send it the session's cookie.
        let api = signers.up.api.port();
        let sent = format!(
            "return fetch('http://localhost:{api}/api/v1/releases/{release}/rollback', {{
               method: 'POST', mode: 'no-cors', credentials: 'include',
             }}).then(() => 'sent', () => 'not sent')"
        );
        open_approval(&signers, &max.browser, &release).await;
        max.browser.until_says("people", "Max Coe").await;
        max.browser.open(&format!("http://localhost:{dev}/")).await;
        assert_eq!(max.browser.run(&sent).await, "sent");
        assert_ne!(signers.up.phase(&release).await, "rolled_back");
        assert_eq!(signers.counted(&release).await, 0);
    });
}

#[test]
fn a_copied_and_a_revoked_passkey_are_refused() {
    runtime().block_on(async {
        let signers = Signers::start().await;
        let up = &signers.up;
        let Waiting { release, .. } = signers.waiting("1.0", json!({})).await;
        signers.until_only_approvals_lack(&release).await;
        let mut max = Enrolled::max(&signers).await;
        open_approval(&signers, &max.browser, &release).await;
        max.browser.until_says("people", "Max Coe").await;
        let copied = max.browser.keys(&max.authenticator).await.remove(0);
        let signed = max.signed(&signers, &release).await;
        assert_eq!(signers.add(&release, signed).await.0, 200);
        // The thief's copy counts on from where it was taken.
        max.browser.remove_authenticator(&max.authenticator).await;
        max.authenticator = max.browser.add_authenticator(true).await;
        max.browser.add_key(&max.authenticator, copied).await;
        let signed = max.signed(&signers, &release).await;
        let refused = signers.add(&release, signed).await;
        signers.refused(refused, "it may have been copied").await;
        assert_eq!(signers.counted(&release).await, 1);

        let revoked = up.safeguard(&["passkey", "revoke", &max.credential]);
        assert!(
            revoked.status.success(),
            "{}",
            String::from_utf8_lossy(&revoked.stderr)
        );
        signers
            .until_void(&release, "approval.invalidated", "the passkey was revoked")
            .await;
        assert_eq!(signers.counted(&release).await, 0);
        let signed = max.signed(&signers, &release).await;
        let refused = signers.add(&release, signed).await;
        signers.refused(refused, "the passkey was revoked").await;
        open_approval(&signers, &max.browser, &release).await;
        max.browser.click("approve").await;
        max.browser.until_says("answer", "safeguard passkey invite").await;
        assert_eq!(signers.counted(&release).await, 0);
    });
}

#[test]
fn whoever_wrote_or_prompted_a_change_approves_it_with_no_passkey() {
    runtime().block_on(async {
        let signers = Signers::start().await;
        let wrote = json!({ "author": "M. Coe <max@example.org>" });
        let Waiting { release: written, .. } = signers.waiting("1.0", wrote).await;
        let Waiting {
            release: prompted, ..
        } = signers.waiting("1.1", json!({ "prompter": "Max Coe" })).await;
        let max = Enrolled::max(&signers).await;
        for release in [written, prompted] {
            open_approval(&signers, &max.browser, &release).await;
            max.browser.until_says("people", "Max Coe may not approve").await;
            max.browser.click("approve").await;
            max.browser.until_says("answer", "Max Coe may not approve").await;
            assert_eq!(signers.counted(&release).await, 0);
        }
        keep_screenshot(&max.browser, "approve-refused").await;
    });
}

/// Browsers hold strict cookies back from whatever another site leads to; the link must work from a mail all the same.
#[test]
fn a_link_works_from_another_site() {
    runtime().block_on(async {
        let signers = Signers::start().await;
        let Waiting { release, .. } = signers.waiting("1.0", json!({})).await;
        signers.until_only_approvals_lack(&release).await;
        let browser = Browser::start(1100, 1000, false).await;
        for (command, said) in [
            (
                ["approve", &release, "--passkey"].as_slice(),
                "please charge twice",
            ),
            (
                ["passkey", "invite", "--person", "Max Coe"].as_slice(),
                "For Max Coe",
            ),
        ] {
            browser
                .open(&format!("http://{}/", signers.up.environments[0]))
                .await;
            let page = json!(link(&signers.up.safeguard(command)));
            browser.run(&format!("location.href = {page}")).await;
            browser.until_page_says(said).await;
        }
    });
}

#[test]
fn the_page_is_for_narrow_screens_dark_rooms_and_keyboards() {
    runtime().block_on(async {
        let signers = Signers::start().await;
        let Waiting { release, .. } = signers.waiting("1.0", json!({})).await;
        let browser = Browser::start(500, 900, true).await;
        open_approval(&signers, &browser, &release).await;
        browser.until_says("dossier", "please charge twice").await;
        keep_screenshot(&browser, "approve-narrow-dark").await;
        let wide = "return document.documentElement.scrollWidth <= document.documentElement.clientWidth";
        assert_eq!(browser.run(wide).await, true, "the page is wider than the screen");
        let dark = "return matchMedia('(prefers-color-scheme: dark)').matches";
        assert_eq!(browser.run(dark).await, true);
        let background = "return getComputedStyle(document.body).backgroundColor";
        assert_eq!(browser.run(background).await, "rgb(13, 17, 23)");
        // Everything that can be done is reached by the keyboard, in the order in which it is read.
        let reached = browser
            .run(
                "return [...document.querySelectorAll('a, button, summary, textarea, [tabindex]')]
                   .filter((one) => one.tabIndex >= 0).map((one) => one.id || one.tagName.toLowerCase())",
            )
            .await;
        let wanted = json!(["a", "summary", "approve", "summary", "reason", "reject", "withdraw"]);
        assert_eq!(reached, wanted);
        let labelled = "return document.querySelector('label[for=reason]') !== null";
        assert_eq!(browser.run(labelled).await, true);
        // A rejection says what must change, before any device is asked.
        browser.click("reject").await;
        browser.until_says("answer", "what must change").await;
        // What the author wrote is text, and nothing on the page comes from elsewhere.
        let loaded = browser
            .run("return performance.getEntriesByType('resource').every((one) => one.name.startsWith(location.origin))")
            .await;
        assert_eq!(loaded, true);
    });
}
