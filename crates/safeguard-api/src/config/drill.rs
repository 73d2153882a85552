//! How the rollback drill uses a service.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ConfigProblem;
use super::check::is_token_byte;

/// Stands for the key of one write, in paths, headers and bodies.
pub const WRITE_KEY: &str = "{key}";

/// The requests of the rollback drill. They reach staging's data, and each write is made by a user of its own: where the
/// service has a user key, the write's key is its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DrillSettings {
    /// Paths to GET.
    pub read: Vec<String>,
    /// A write with a key of its own: `{key}` stands for it. It counts as acknowledged when its answer is 2xx or 3xx.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write: Option<DrillWrite>,
    /// How an acknowledged write is found again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify: Option<DrillVerify>,
    /// The service keeps nothing, so no write can be lost. Unsaid, and without `write`, the drill is no certificate.
    pub keeps_nothing: bool,
}

impl Default for DrillSettings {
    fn default() -> Self {
        DrillSettings {
            read: vec!["/".to_owned()],
            write: None,
            verify: None,
            keeps_nothing: false,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DrillWrite {
    #[serde(default)]
    pub method: WriteMethod,
    pub path: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub body: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum WriteMethod {
    #[default]
    Post,
    Put,
    Patch,
}

impl WriteMethod {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            WriteMethod::Post => "POST",
            WriteMethod::Put => "PUT",
            WriteMethod::Patch => "PATCH",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DrillVerify {
    /// The path to GET.
    pub path: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// What the answer contains when the write is there.
    #[serde(default = "default_shows")]
    pub shows: String,
}

fn default_shows() -> String {
    WRITE_KEY.to_owned()
}

const READS_MAX: usize = 64;
const TEXT_BYTES_MAX: usize = 4096;

impl DrillSettings {
    /// A drill that could not show what it is for is refused when it is written.
    pub(super) fn check(&self, base: [&str; 2], found: &mut Vec<ConfigProblem>) {
        let drill = self;
        let base = [base[0], base[1], "drill"];
        let mut refuse = |key: &str, message: String, hint: &str| {
            let mut path = base.to_vec();
            path.extend(key.split('.').filter(|part| !part.is_empty()));
            found.push(ConfigProblem::new(&path, message).with_hint(hint));
        };
        if drill.read.is_empty() || READS_MAX < drill.read.len() {
            let message = format!("{} paths (1 to {READS_MAX} are possible)", drill.read.len());
            refuse("read", message, "such as `read = [\"/\"]`");
        }
        let paths = drill.read.iter().map(|path| ("read", path));
        let paths = paths.chain(drill.write.iter().map(|write| ("write.path", &write.path)));
        let paths = paths.chain(drill.verify.iter().map(|verify| ("verify.path", &verify.path)));
        for (key, path) in paths.filter(|(_, path)| !is_path(path)) {
            let message = format!("`{}` is not the path of a request", path.escape_debug());
            refuse(key, message, "it begins with `/`, such as `/orders`");
        }
        let headers = drill.write.iter().map(|write| ("write.headers", &write.headers));
        let headers = headers.chain(
            drill
                .verify
                .iter()
                .map(|verify| ("verify.headers", &verify.headers)),
        );
        for (key, headers) in headers {
            for (name, value) in headers.iter().filter(|(name, value)| !is_header(name, value)) {
                let message = format!(
                    "`{}: {}` is not a header",
                    name.escape_debug(),
                    value.escape_debug()
                );
                refuse(key, message, "such as `content-type = \"application/json\"`");
            }
        }
        match (&drill.write, &drill.verify) {
            (None, None) => {}
            (Some(_), _) if drill.keeps_nothing => {
                let message = "a service that keeps nothing has no write to try".to_owned();
                refuse("keeps_nothing", message, "remove one of the two");
            }
            (Some(_), None) | (None, Some(_)) => {
                let message = "`write` and `verify` belong together".to_owned();
                refuse("", message, "a write that is not looked for again shows nothing");
            }
            (Some(write), Some(verify)) => {
                let mut texts = write.headers.values().chain([&write.path, &write.body]);
                if !texts.any(|text| text.contains(WRITE_KEY)) {
                    let message = format!("nothing in it has `{WRITE_KEY}`: all writes would be one");
                    refuse("write", message, "such as `body = \"name={key}\"`");
                }
                if !verify.shows.contains(WRITE_KEY) {
                    let message = format!("without `{WRITE_KEY}`, any answer could show it");
                    refuse("verify.shows", message, "such as `shows = \"{key}\"`");
                }
                if TEXT_BYTES_MAX < write.body.len() || TEXT_BYTES_MAX < verify.shows.len() {
                    let message = format!("a text has more than {TEXT_BYTES_MAX} bytes");
                    refuse("", message, "write less");
                }
            }
        }
    }
}

fn is_path(path: &str) -> bool {
    path.starts_with('/') && path.len() <= TEXT_BYTES_MAX && path.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_header(name: &str, value: &str) -> bool {
    let printable = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    let own = ["host", "content-length", "transfer-encoding", "connection"];
    !name.is_empty()
        && name.bytes().all(is_token_byte)
        && !own.contains(&name.to_ascii_lowercase().as_str())
        && value.len() <= TEXT_BYTES_MAX
        && value.bytes().all(printable)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn problems(text: &str) -> String {
        let mut found = Vec::new();
        let drill: DrillSettings = toml::from_str(text).unwrap();
        drill.check(["services", "shop"], &mut found);
        found
            .iter()
            .map(|problem| format!("{}: {}", problem.path.join("."), problem.message))
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn what_would_show_nothing_is_refused() {
        let good = "write = { path = \"/cart\", body = \"note={key}\" }\nverify = { path = \"/cart\" }\n";
        assert_eq!(problems(""), "");
        assert_eq!(problems(good), "");
        assert_eq!(problems("keeps_nothing = true"), "");
        for (text, wanted) in [
            ("read = []", "drill.read: 0 paths"),
            ("read = [\"cart\"]", "drill.read: `cart` is not the path"),
            ("write = { path = \"/{key}\" }", "belong together"),
            (
                "write = { path = \"/\" }\nverify = { path = \"/\" }",
                "drill.write: nothing in it has `{key}`",
            ),
            (
                "write = { path = \"/{key}\" }\nverify = { path = \"/\", shows = \"ok\" }",
                "any answer could show it",
            ),
            (
                "write = { path = \"/{key}\", headers = { Host = \"x\" } }\nverify = { path = \"/\" }",
                "is not a header",
            ),
        ] {
            let said = problems(text);
            assert!(said.contains(wanted), "{said} does not say {wanted}");
        }
        let both = format!("{good}keeps_nothing = true");
        assert!(problems(&both).contains("has no write to try"));
    }
}
