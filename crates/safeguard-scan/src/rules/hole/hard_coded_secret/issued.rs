//! Keys whose form tells who has issued them.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::secret_text::is_random;

/// The shortest of these keys.
const BYTES_MIN: usize = 20;
/// A text without any of these holds none; most texts have none.
static BEGINS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let begins = [
        "-----BEGIN ",
        "AKIA",
        "ASIA",
        "ghp_",
        "gho_",
        "ghs_",
        "github_pat_",
        "glpat-",
        "sk_live_",
        "rk_live_",
        "sk-",
        "xoxb-",
        "xoxp-",
        "xapp-",
        "AIza",
        "npm_",
        "hf_",
        "dop_v1_",
        "SG.",
        "hooks.slack.com/services/T",
        "AccountKey=",
    ];
    AhoCorasick::new(begins).ok()
});

/// Keys whose form tells who has issued them.
pub(super) fn issued(text: &str) -> Option<&'static str> {
    if text.len() < BYTES_MIN || BEGINS.as_ref().is_some_and(|begins| !begins.is_match(text)) {
        return None;
    }
    let word = |prefix: &str, length: usize, ok: fn(u8) -> bool| {
        text.match_indices(prefix).any(|(at, _)| {
            let before = at.checked_sub(1).and_then(|before| text.as_bytes().get(before));
            let rest = &text.as_bytes()[at + prefix.len()..];
            let run = rest.iter().take_while(|byte| ok(**byte)).count();
            run >= length
                && !before.is_some_and(u8::is_ascii_alphanumeric)
                && is_random(&text[at + prefix.len()..at + prefix.len() + run])
        })
    };
    let alnum = |byte: u8| byte.is_ascii_alphanumeric();
    let wide = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let upper = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    if text.contains("-----BEGIN ") && text.contains("PRIVATE KEY-----") {
        // The marker alone is what programs look for.
        let body: usize = text
            .lines()
            .filter(|line| line.len() >= 40 && !line.contains("-----"))
            .count();
        let inline = text.len() > 200;
        return (body > 0 || inline).then_some("a private key");
    }
    let is_example = text.contains("EXAMPLE") || text.to_ascii_lowercase().contains("xxxx");
    if is_example {
        return None;
    }
    Some(match () {
        () if (word("AKIA", 16, upper) || word("ASIA", 16, upper)) && text.len() < 200 => "a key of AWS",
        () if word("ghp_", 36, alnum)
            || word("gho_", 36, alnum)
            || word("ghs_", 36, alnum)
            || word("github_pat_", 50, wide) =>
        {
            "a token of GitHub"
        }
        () if word("glpat-", 20, wide) => "a token of GitLab",
        () if word("sk_live_", 20, alnum) || word("rk_live_", 20, alnum) => "a key of Stripe",
        () if word("sk-ant-", 30, wide) => "a key of Anthropic",
        () if word("sk-proj-", 30, wide) || word("sk-", 40, alnum) => "a key of OpenAI",
        () if word("xoxb-", 20, wide) || word("xoxp-", 20, wide) || word("xapp-", 20, wide) => {
            "a token of Slack"
        }
        () if word("AIza", 35, wide) => "a key of Google",
        () if word("npm_", 36, alnum) => "a token of npm",
        () if word("hf_", 34, alnum) => "a token of Hugging Face",
        () if word("dop_v1_", 60, alnum) => "a token of DigitalOcean",
        () if word("SG.", 22, wide) && text.matches('.').count() >= 2 => "a key of SendGrid",
        () if text.contains("hooks.slack.com/services/T") && text.len() > 60 => {
            "an address that posts to Slack"
        }
        () if text.contains("AccountKey=") && text.len() > 80 && text.contains("==") => {
            "a key of Azure's storage"
        }
        () => return None,
    })
}
