//! Freeze calendars with the real binaries: what they hold, what opens them, and that the way back is free.

use serde_json::{Value, json};

use super::up::{QUICK_STAGES, Up, runtime};

/// An event that holds from long ago until long after.
fn event(rule: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//example//EN\r\nBEGIN:VEVENT\r\nUID:1\r\nSUMMARY:the season\r\n\
         DTSTART;VALUE=DATE:20200101\r\nDTEND;VALUE=DATE:20200102\r\nRRULE:{rule}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}

async fn says(up: &Up) -> Value {
    let checks = up.ok("GET", "/api/v1/freezes/check", None).await;
    checks[0].clone()
}

#[test]
fn a_calendar_file_holds_and_opens_and_never_stops_the_way_back() {
    runtime().block_on(async {
        let outside = tempfile::tempdir().expect("a temporary folder");
        let file = outside.path().join("company.ics");
        std::fs::write(&file, event("FREQ=DAILY;UNTIL=20200110")).expect("a calendar of long ago");
        let up = Up::start_with(QUICK_STAGES, |config| {
            let file = file.display();
            format!("{config}\n[calendars.company]\nkind = \"deny\"\nzone = \"UTC\"\nfile = \"{file}\"\n")
        })
        .await;
        let live = up.release(&up.artifact("shop-1-0", "first"), "1.0", &[]).await;
        up.until_phase(&live, "live").await;

        // The file changes: every day is a day of the season. It holds a release that entered before.
        std::fs::write(&file, event("FREQ=DAILY")).expect("the calendar changes");
        up.until("the file is read again", async || (says(&up).await["open"] == false).then_some(()))
            .await;
        let held = up.release(&up.artifact("shop-1-0", "second"), "1.1", &[]).await;
        up.until_phase(&held, "blocked").await;
        let (status, refused) = up.call("POST", &format!("/api/v1/releases/{held}/promote"), None).await;
        assert_eq!(status, 409, "{refused:#}");
        let details = refused["details"].to_string();
        assert!(details.contains("calendar `company` is closed: the season (deny window until "), "{details}");
        // One day follows the other, so no opening is known.
        assert!(details.contains("no opening is known"), "{details}");

        // What can not be understood is closed, and says why.
        std::fs::write(&file, event("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30")).expect("the calendar breaks");
        up.until("the reason is told", async || {
            let says = says(&up).await;
            let why = says["calendars"][0]["says"]["why"].as_str()?.to_owned();
            (says["open"] == false && why.contains("names no further date")).then_some(())
        })
        .await;
        std::fs::remove_file(&file).expect("the calendar goes away");
        up.until("a file that is gone is closed", async || {
            let status = up.ok("GET", "/api/v1/status", None).await;
            let warnings = status["warnings"].to_string();
            warnings.contains("calendar `company` is closed: cannot read").then_some(())
        })
        .await;

        // The way back is free: of what is held, and of what is live.
        up.ok("POST", &format!("/api/v1/releases/{held}/rollback"), None).await;
        up.until_phase(&held, "rolled_back").await;
        assert_eq!(says(&up).await["open"], false);

        // A calendar of long ago again: the next release goes on by itself, to where it needs traffic to show anything.
        std::fs::write(&file, event("FREQ=DAILY;UNTIL=20200110")).expect("the calendar is mended");
        let next = up.release(&up.artifact("shop-1-0", "third"), "1.2", &[]).await;
        up.until_phase(&next, "analyzing").await;

        // The policy in force holds, whatever a release entered under; what is impossible is refused when it is written.
        let mut policy = up.ok("GET", "/api/v1/policy", None).await["policy"].clone();
        policy["calendars"]["company"] = json!({
            "kind": "deny", "zone": "Europe/Berlin", "start": "2020-01-01", "rrule": "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        });
        let (status, answer) = up.call("POST", "/api/v1/policy", Some(policy.clone())).await;
        assert_eq!(status, 422, "{answer:#}");
        policy["calendars"]["company"]["rrule"] = json!("FREQ=DAILY");
        up.ok("POST", "/api/v1/policy", Some(policy)).await;
        up.until("the new calendar holds", async || (says(&up).await["open"] == false).then_some(()))
            .await;
        up.ok("POST", &format!("/api/v1/releases/{next}/rollback"), None).await;
        up.until_phase(&next, "rolled_back").await;

        let entries = up.ok("GET", "/api/v1/audit/entries?limit=300", None).await;
        let read: Vec<&Value> = entries
            .as_array()
            .expect("a list")
            .iter()
            .filter(|entry| entry["event"]["kind"] == "freeze.calendar")
            .collect();
        assert!(4 <= read.len(), "each content of the file is in the log: {read:#?}");
    });
}

#[test]
fn people_subscribe_with_a_password_and_can_change_nothing_with_it() {
    runtime().block_on(async {
        let up = Up::start_with(QUICK_STAGES, |config| {
            format!(
                "{config}\n[calendars.nights]\nkind = \"deny\"\nzone = \"Europe/Berlin\"\nstart = \"2026-01-01T22:00\"\n\
                 end = \"2026-01-02T06:00\"\nrrule = \"FREQ=DAILY\"\nreason = \"nobody is awake\"\n"
            )
        })
        .await;
        let freeze = json!({ "reason": "stock-taking", "until": "2036-01-01T00:00:00Z" });
        up.ok("POST", "/api/v1/freezes", Some(freeze)).await;
        let ask = |method: &str, path: &str, password: &str| {
            let asked = std::process::Command::new("curl")
                .args(["--silent", "--show-error", "--max-time", "30", "--write-out", "\n%{http_code}", "--request", method])
                .args(["--user", &format!("ada:{password}"), &format!("http://{}{path}", up.api)])
                .output()
                .expect("curl runs");
            String::from_utf8(asked.stdout).expect("UTF-8")
        };
        let answer = ask("GET", "/api/v1/freezes.ics", &up.token);
        assert!(answer.ends_with("\n200"), "{answer}");
        assert!(answer.starts_with("BEGIN:VCALENDAR\r\n"), "{answer}");
        assert!(answer.contains("SUMMARY:Freeze: stock-taking\r\n"), "{answer}");
        assert!(300 < answer.matches("SUMMARY:Freeze: nobody is awake\r\n").count(), "a year of nights");
        assert!(ask("GET", "/api/v1/freezes.ics", "sgt_0000").ends_with("\n401"));
        assert!(ask("GET", "/api/v1/freezes.ics", "").ends_with("\n401"));
        let refused = ask("POST", "/api/v1/audit/export", &up.token);
        assert!(refused.ends_with("\n401"), "a browser sends passwords from any page: {refused}");

        let file = up.state_path().join("freezes.ics");
        let exported = up.safeguard(&["freeze", "export", "--ics", "--out", file.to_str().expect("UTF-8")]);
        assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
        let text = std::fs::read_to_string(&file).expect("it was written");
        assert!(text.ends_with("END:VCALENDAR\r\n"));

        let checked = up.safeguard(&["freeze", "check", "--service", "shop", "--at", "2027-06-01T21:00:00Z"]);
        let said = String::from_utf8_lossy(&checked.stdout).into_owned();
        assert_eq!(checked.status.code(), Some(1), "{said}");
        assert!(said.contains("releases may not move"), "{said}");
        assert!(said.contains("calendar nights: nobody is awake (deny window until 2027-06-02T04:00:00.000Z)"), "{said}");
        let listed = up.safeguard(&["freeze", "list"]);
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        assert!(listed.contains("may not move"), "{listed}");
    });
}
