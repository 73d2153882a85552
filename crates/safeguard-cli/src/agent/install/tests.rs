//! What settings become, and that they come back.
#![allow(clippy::unwrap_used)]

use insta::assert_snapshot;

use super::*;

fn shown(host: Host) -> String {
    let settings = with_hook(
        host,
        json!({}),
        "/bin/safeguard agent hook --host x --env production",
    )
    .unwrap();
    serde_json::to_string(&settings).unwrap()
}

#[test]
fn each_host_gets_its_own_form() {
    assert_snapshot!(shown(Host::Claude), @r#"{"hooks":{"PreToolUse":[{"hooks":[{"command":"/bin/safeguard agent hook --host x --env production","onFailure":"block","timeout":30,"type":"command"}],"matcher":"*"}]}}"#);
    assert_snapshot!(shown(Host::Codex), @r#"{"hooks":{"PreToolUse":[{"hooks":[{"command":"/bin/safeguard agent hook --host x --env production","timeout":30,"type":"command"}],"matcher":"*"}]}}"#);
    assert_snapshot!(shown(Host::Cursor), @r#"{"hooks":{"beforeMCPExecution":[{"command":"/bin/safeguard agent hook --host x --env production","failClosed":true,"timeout":30}],"beforeReadFile":[{"command":"/bin/safeguard agent hook --host x --env production","failClosed":true,"timeout":30}],"beforeShellExecution":[{"command":"/bin/safeguard agent hook --host x --env production","failClosed":true,"timeout":30}]},"version":1}"#);
    assert_snapshot!(shown(Host::Gemini), @r#"{"hooks":{"BeforeTool":[{"hooks":[{"command":"/bin/safeguard agent hook --host x --env production","name":"safeguard","timeout":30000,"type":"command"}],"matcher":".*"}]}}"#);
    assert_snapshot!(shown(Host::Copilot), @r#"{"hooks":{"preToolUse":[{"bash":"/bin/safeguard agent hook --host x --env production","timeoutSec":30,"type":"command"}]},"version":1}"#);
}

#[test]
fn what_is_there_is_kept_and_comes_back() {
    for host in Host::ALL {
        let event = host.events()[0];
        let theirs = json!({ "model": "x", "hooks": { event: [{ "command": "theirs" }], "other": [1] }, "version": 1 });
        let with = with_hook(
            *host,
            theirs.clone(),
            "/a/safeguard agent hook --host x --env dev",
        )
        .unwrap();
        assert_eq!(with["hooks"][event].as_array().unwrap().len(), 2);
        let again = with_hook(*host, with.clone(), "/a/safeguard agent hook --host x --env dev").unwrap();
        assert_eq!(again, with, "once is enough");
        let newer = with_hook(*host, with, "/b/safeguard agent hook --host x --env production").unwrap();
        assert_eq!(
            newer["hooks"][event].as_array().unwrap().len(),
            2,
            "the newer takes the older one's place"
        );
        assert_eq!(without_hook(*host, newer).unwrap(), theirs);
    }
}

#[test]
fn what_only_an_installation_wrote_leaves_nothing() {
    for host in Host::ALL {
        let with = with_hook(*host, json!({}), "/a/safeguard agent hook --host x --env dev").unwrap();
        assert!(is_empty(&without_hook(*host, with).unwrap()));
    }
}

#[test]
fn settings_of_another_shape_are_left_as_they_are() {
    for settings in [
        json!([]),
        json!({ "hooks": [] }),
        json!({ "hooks": { "PreToolUse": {} } }),
    ] {
        assert!(with_hook(Host::Claude, settings, "x").is_err());
    }
}
