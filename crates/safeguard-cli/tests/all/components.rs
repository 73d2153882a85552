//! Files of which scripts are only a part, and rules on scripts, Dockerfiles and any text.

use std::process::Command;

use serde_json::Value;

use crate::check::{check, git, json, refused_by, repository};

const VUE: &str = "<template>
  <p v-html=\"post.body\"></p>
  <p v-html=\"$route.query.q\"></p>
  <p v-html=\"'<b>fixed</b>'\"></p>
</template>

<script setup lang=\"ts\">
import { ref } from 'vue'

defineProps<{ post: { body: string } }>()
const name: string = new URLSearchParams(location.search).get('name') ?? ''
document.getElementById('greeting')!.innerHTML = 'Hello ' + name
</script>
";

fn places(report: &Value) -> Vec<(String, u64, bool)> {
    let findings = report["findings"].as_array().expect("findings");
    let place = |one: &Value| {
        let rule = one["rule"].as_str().expect("a rule").to_owned();
        (
            rule,
            one["place"]["line"].as_u64().expect("a line"),
            one["blocks"] == true,
        )
    };
    findings.iter().map(place).collect()
}

#[test]
fn scripts_of_components_are_read_and_their_places_are_those_of_the_file() {
    let folder = repository();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("a file");
    write("Post.vue", VUE);
    let output = check(folder.path(), &["--json", "Post.vue"]);
    let report = json(&output);
    let found: Vec<_> = places(&report)
        .into_iter()
        .filter(|(rule, _, _)| rule == "cross-site-scripting")
        .collect();
    let wanted = [(2, false), (3, true), (12, true)];
    let wanted: Vec<_> = wanted
        .map(|(line, blocks)| ("cross-site-scripting".to_owned(), line, blocks))
        .into();
    assert_eq!((output.status.code(), found), (Some(1), wanted), "{report}");

    // Comments of HTML let pass as those of the script do.
    let allowed = VUE
        .replace("  <p v-html=\"$route", "  <!-- safeguard: allow[cross-site-scripting] shown to its author alone (owner: kim, until: 2999-01-31) -->\n  <p v-html=\"$route")
        .replace("document.get", "// safeguard: allow[cross-site-scripting] the same (owner: kim, until: 2999-01-31)\ndocument.get");
    write("Post.vue", &allowed);
    let output = check(folder.path(), &["--json", "Post.vue"]);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );

    // What does not parse and what nothing here reads is listed.
    write("Post.vue", "<script>\nlet = = 1\n</script>\n");
    write(
        "Old.vue",
        "<template/>\n<script lang=\"coffee\">\na = -> 1\n</script>\n",
    );
    write("page.html", "<script>go(</script>\n");
    let report = json(&check(folder.path(), &["--json"]));
    let unread: Vec<&str> = report["unread"]
        .as_array()
        .expect("unread")
        .iter()
        .filter_map(|one| one["path"].as_str())
        .collect();
    assert_eq!(unread, ["Old.vue", "Post.vue", "page.html"], "{report}");
    // A template makes a page, and is none; secrets are looked for in it as in any text.
    std::fs::remove_file(folder.path().join("Post.vue")).expect("a file");
    std::fs::remove_file(folder.path().join("Old.vue")).expect("a file");
    write("page.html", "<script>go({{ value }})</script>\n");
    assert_eq!(check(folder.path(), &["--json"]).status.code(), Some(0));
    let key = ["AKIA", "Z7Q2MHV5RX3TL4WK"].concat();
    write(
        "Key.svelte",
        &format!("<script>\n  const key = '{key}';\n</script>\n"),
    );
    let report = json(&check(folder.path(), &["--json"]));
    assert_eq!(refused_by(&report).len(), 1, "{report}");
}

#[test]
fn rules_on_scripts_dockerfiles_and_any_text_are_tried_and_used() {
    let folder = repository();
    let rules = folder.path().join("rules");
    std::fs::create_dir(&rules).expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(rules.join(name), text).expect("a file");
    let rule = |id: &str, language: &str, formula: &str| {
        format!(
            "rules:\n  - id: {id}\n    languages: [{language}]\n    severity: ERROR\n    message: found\n    {formula}\n    x-safeguard: {{ confidence: high }}\n"
        )
    };
    write("piped.yaml", &rule("piped", "bash", "pattern: wget ... | sh"));
    write(
        "piped.sh",
        "# ruleid: piped\nwget -q https://x.example/a | sh\n# ok: piped\nwget https://x.example/a\n",
    );
    write(
        "tag.yaml",
        &rule("tag", "dockerfile", "pattern: FROM $IMAGE:nightly"),
    );
    write(
        "tag.dockerfile",
        "# ruleid: tag\nFROM acme/base:nightly\n# ok: tag\nFROM acme/base:1.2\n",
    );
    write(
        "ticket.yaml",
        &rule("ticket", "regex", "pattern-regex: TICKET-\\d+"),
    );
    write(
        "ticket.txt",
        "# ruleid: ticket\nsee TICKET-12\n# ok: ticket\nsee a ticket\n",
    );
    write("port.yaml", &rule("port", "yaml", "pattern: \"port: 23\""));
    write(
        "port.test.yaml",
        "a:\n  # ruleid: port\n  port: 23\nb:\n  # ok: port\n  port: 22\n",
    );
    let safeguard = |words: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_safeguard"))
            .args(words)
            .current_dir(folder.path())
            .output()
            .expect("safeguard")
    };
    let tried = safeguard(&["rules", "test", "rules"]);
    let told = String::from_utf8_lossy(&tried.stdout).into_owned();
    assert!(
        tried.status.success() && told.contains("8 lines as annotated"),
        "{told}"
    );

    std::fs::write(folder.path().join("notes.txt"), "TICKET-1\n").expect("a file");
    git(folder.path(), &["add", "notes.txt"]);
    git(folder.path(), &["commit", "-q", "-m", "notes"]);
    std::fs::write(folder.path().join("notes.txt"), "TICKET-1\nTICKET-2\n").expect("a file");
    std::fs::write(folder.path().join("more.py"), "LIMIT = 3  # TICKET-3\n").expect("a file");
    let words = [
        "--json",
        "--base",
        "HEAD",
        "--rules",
        "rules/ticket.yaml",
        "notes.txt",
        "more.py",
    ];
    let report = json(&check(folder.path(), &words));
    let found: Vec<_> = report["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .filter(|one| one["introduced"] == true)
        .map(|one| {
            (
                one["path"].as_str().expect("a path").to_owned(),
                one["place"]["line"].as_u64(),
            )
        })
        .collect();
    assert_eq!(
        found,
        [("more.py".to_owned(), Some(1)), ("notes.txt".to_owned(), Some(2))],
        "{report}"
    );
    assert_eq!(report["files"], 2);
    // What no rule of this kind can say is refused by its name.
    write("ticket.yaml", &rule("ticket", "regex", "pattern: TICKET"));
    let refused = safeguard(&["check", "--rules", "rules/ticket.yaml"]);
    assert_eq!(refused.status.code(), Some(2));
    write("ticket.yaml", &rule("ticket", "generic", "pattern: TICKET"));
    let refused = safeguard(&["check", "--rules", "rules/ticket.yaml"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("`generic`"));
}
