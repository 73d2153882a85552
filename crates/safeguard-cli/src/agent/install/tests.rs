//! What settings become, and that they come back.
#![allow(clippy::unwrap_used)]

use insta::assert_snapshot;

use super::*;

fn shown(host: Host) -> String {
    let settings = with_hooks(host, json!({}), &host.hooks("J", Some("L"))).unwrap();
    serde_json::to_string(&settings).unwrap()
}

#[test]
fn each_host_gets_its_own_form() {
    assert_snapshot!(shown(Host::Claude), @r#"{"hooks":{"PostToolUse":[{"hooks":[{"command":"L","timeout":120,"type":"command"}],"matcher":"Edit|MultiEdit|Write|NotebookEdit"}],"PreToolUse":[{"hooks":[{"command":"J","onFailure":"block","timeout":30,"type":"command"}],"matcher":"*"}],"Stop":[{"hooks":[{"command":"L","timeout":120,"type":"command"}]}]}}"#);
    assert_snapshot!(shown(Host::Codex), @r#"{"hooks":{"PostToolUse":[{"hooks":[{"command":"L","timeout":120,"type":"command"}],"matcher":"apply_patch|Edit|Write"}],"PreToolUse":[{"hooks":[{"command":"J","timeout":30,"type":"command"}],"matcher":"*"}],"Stop":[{"hooks":[{"command":"L","timeout":120,"type":"command"}]}]}}"#);
    assert_snapshot!(shown(Host::Cursor), @r#"{"hooks":{"beforeMCPExecution":[{"command":"J","failClosed":true,"timeout":30}],"beforeReadFile":[{"command":"J","failClosed":true,"timeout":30}],"beforeShellExecution":[{"command":"J","failClosed":true,"timeout":30}],"stop":[{"command":"L","loop_limit":5,"timeout":120}]},"version":1}"#);
    assert_snapshot!(shown(Host::Gemini), @r#"{"hooks":{"AfterAgent":[{"hooks":[{"command":"L","name":"safeguard-look","timeout":120000,"type":"command"}],"matcher":"*"}],"AfterTool":[{"hooks":[{"command":"L","name":"safeguard-look","timeout":120000,"type":"command"}],"matcher":"write_file|replace"}],"BeforeTool":[{"hooks":[{"command":"J","name":"safeguard","timeout":30000,"type":"command"}],"matcher":".*"}]}}"#);
    assert_snapshot!(shown(Host::Copilot), @r#"{"hooks":{"agentStop":[{"bash":"L","timeoutSec":120,"type":"command"}],"preToolUse":[{"bash":"J","timeoutSec":30,"type":"command"}]},"version":1}"#);
}

fn set(host: Host, settings: &Value, program: &str) -> Value {
    let judge = format!("/{program}/safeguard agent hook --host x --env dev");
    let look = format!("/{program}/safeguard agent look --host x");
    with_hooks(host, settings.clone(), &host.hooks(&judge, Some(&look))).unwrap()
}

#[test]
fn what_is_there_is_kept_and_comes_back() {
    for host in Host::ALL {
        let event = host.hooks("", None)[0].0;
        let theirs = json!({ "model": "x", "hooks": { event: [{ "command": "theirs" }], "other": [1] }, "version": 1 });
        let with = set(*host, &theirs, "a");
        assert_eq!(with["hooks"][event].as_array().unwrap().len(), 2);
        assert_eq!(set(*host, &with, "a"), with, "once is enough");
        let newer = set(*host, &with, "b");
        assert_eq!(
            newer["hooks"][event].as_array().unwrap().len(),
            2,
            "the newer takes the older one's place"
        );
        assert!(!newer.to_string().contains("/a/"), "{newer}");
        let alone = with_hooks(
            *host,
            newer.clone(),
            &host.hooks("/b/safeguard agent hook --host x --env dev", None),
        )
        .unwrap();
        assert!(!alone.to_string().contains("agent look"), "{alone}");
        assert_eq!(without_hooks(newer).unwrap(), theirs);
    }
}

#[test]
fn what_only_an_installation_wrote_leaves_nothing() {
    for host in Host::ALL {
        assert!(is_empty(&without_hooks(set(*host, &json!({}), "a")).unwrap()));
    }
}

#[test]
fn settings_of_another_shape_are_left_as_they_are() {
    for settings in [
        json!([]),
        json!({ "hooks": [] }),
        json!({ "hooks": { "PreToolUse": {} } }),
    ] {
        assert!(with_hooks(Host::Claude, settings, &Host::Claude.hooks("x", None)).is_err());
    }
}
