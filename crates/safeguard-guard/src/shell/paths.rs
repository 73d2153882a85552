//! Where a path leads, seen from the project's folder; which folders are made again by a build, and which files are secret.

use super::options::star;
use super::word::{UNKNOWN, Word};

/// What a path starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Root {
    /// The folder in which the agent works.
    Project,
    Home,
    /// `/`.
    System,
    /// Above the project, or not in sight.
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spot {
    pub root: Root,
    pub parts: Vec<String>,
}

/// Folders that a build or a package manager makes again, wherever they lie.
const MADE_AGAIN: &[&str] = &[
    ".eslintcache",
    ".gradle",
    ".mypy_cache",
    ".next",
    ".nox",
    ".nuxt",
    ".nyc_output",
    ".parcel-cache",
    ".pytest_cache",
    ".ruff_cache",
    ".svelte-kit",
    ".terraform",
    ".tox",
    ".turbo",
    ".vite",
    "DerivedData",
    "__pycache__",
    "node_modules",
];
/// The same, where they lie in the project: elsewhere such a folder may be what is served.
const MADE_AGAIN_IN_PROJECT: &[&str] = &[
    ".angular",
    ".cache",
    ".coverage",
    ".dart_tool",
    ".eggs",
    ".expo",
    ".output",
    ".tmp",
    ".venv",
    ".stack-work",
    ".zig-cache",
    "Pods",
    "__generated__",
    "_build",
    "build",
    "coverage",
    "dist",
    "dist-newstyle",
    "elm-stuff",
    "generated",
    "htmlcov",
    "obj",
    "out",
    "playwright-report",
    "storybook-static",
    "target",
    "test-results",
    "tmp",
    "venv",
    "zig-cache",
    "zig-out",
];
/// Files in the project that are made again, or were left over.
const MADE_AGAIN_ENDINGS: &[&str] = &[
    ".DS_Store",
    ".class",
    ".egg-info",
    ".gcda",
    ".gcno",
    ".o",
    ".orig",
    ".pyc",
    ".pyo",
    ".rej",
    ".swp",
    ".tmp",
    ".tsbuildinfo",
];
const FOR_A_WHILE: &[&str] = &["/tmp/", "/var/tmp/", "/private/tmp/", "/dev/shm/"];

impl Spot {
    pub fn project() -> Spot {
        Spot {
            root: Root::Project,
            parts: Vec::new(),
        }
    }

    pub fn unknown() -> Spot {
        Spot {
            root: Root::Unknown,
            parts: Vec::new(),
        }
    }

    /// Where `text` leads from here; `project` is the project's folder as an absolute path, where it is known.
    pub fn to(&self, text: &str, project: Option<&str>) -> Spot {
        let within_project = project.filter(|folder| folder.len() > 1).and_then(|folder| {
            let rest = text.strip_prefix(folder.trim_end_matches('/'))?;
            (rest.is_empty() || rest.starts_with('/')).then_some(rest)
        });
        let (mut spot, rest) = if let Some(rest) = within_project {
            (Spot::project(), rest)
        } else if let Some(rest) = text.strip_prefix('/') {
            home(rest).unwrap_or((Spot::at(Root::System), rest))
        } else if text.starts_with('~') {
            (
                Spot::at(Root::Home),
                text.split_once('/').map_or("", |(_, rest)| rest),
            )
        } else if text.starts_with(UNKNOWN) {
            let rest = text.split_once('/').map_or("", |(_, rest)| rest);
            (Spot::unknown(), rest)
        } else {
            (self.clone(), text)
        };
        for part in rest.split('/') {
            match part {
                "" | "." => {}
                ".." => match (spot.parts.pop(), spot.root) {
                    (Some(part), _) if part.contains(UNKNOWN) => spot = Spot::unknown(),
                    (Some(_), _) | (None, Root::System | Root::Unknown) => {}
                    (None, Root::Project | Root::Home) => spot = Spot::unknown(),
                },
                part => spot.parts.push(part.to_owned()),
            }
        }
        spot
    }

    fn at(root: Root) -> Spot {
        Spot {
            root,
            parts: Vec::new(),
        }
    }

    /// As an absolute path, a path in `~`, or one relative to the project.
    pub fn shown(&self) -> String {
        let parts = self.parts.join("/");
        match self.root {
            Root::Project if parts.is_empty() => ".".to_owned(),
            Root::Project => parts,
            Root::Home => format!("~/{parts}"),
            Root::System => format!("/{parts}"),
            Root::Unknown => format!("{UNKNOWN}/{parts}"),
        }
    }

    pub fn last(&self) -> &str {
        self.parts.last().map_or("", String::as_str)
    }

    /// Whether all of it is made again by a build, or was meant to go: something below `/tmp`.
    pub fn is_made_again(&self) -> bool {
        let listed = |names: &[&str]| self.parts.iter().position(|part| names.contains(&part.as_str()));
        let left_over = |part: &String| {
            part.starts_with("cmake-build-") || MADE_AGAIN_ENDINGS.iter().any(|ending| part.ends_with(ending))
        };
        // Gems that are installed for the project.
        let bundle = |pair: &[String]| pair[0] == "vendor" && pair[1] == "bundle";
        let at = match self.root {
            Root::Project if self.parts.windows(2).any(bundle) => self.parts.windows(2).position(bundle),
            Root::Project => listed(MADE_AGAIN)
                .or_else(|| listed(MADE_AGAIN_IN_PROJECT))
                .or_else(|| self.parts.iter().position(left_over)),
            Root::Home if self.parts.len() > 1 && self.parts[0] == ".cache" => Some(1),
            Root::Home | Root::System | Root::Unknown => listed(MADE_AGAIN),
        };
        // What only shows when it runs might lead up again.
        let known = |from: usize| !self.parts[from..].iter().any(|part| part.contains(UNKNOWN));
        at.is_some_and(known) || self.is_for_a_while()
    }

    pub fn is_for_a_while(&self) -> bool {
        let shown = self.shown();
        FOR_A_WHILE.iter().any(|folder| {
            shown.strip_prefix(folder).is_some_and(|rest| {
                rest.starts_with(|first: char| first != UNKNOWN && !"*?[".contains(first))
            })
        }) && !self.parts.iter().any(|part| part.contains(UNKNOWN))
    }

    /// Whether a path of the machine itself is meant, which no project writes.
    pub fn is_of_the_machine(&self) -> bool {
        const FREE: &[&str] = &["null", "stdout", "stderr", "tty", "fd", "zero", "stdin", "shm"];
        const HELD: &[&str] = &[
            "bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "proc", "sbin", "sys", "usr", "System",
            "Library",
        ];
        let first = self.parts.first().map_or("", String::as_str);
        let second = self.parts.get(1).map_or("", String::as_str);
        match (self.root, first) {
            (Root::System, "dev") => !FREE.contains(&second),
            (Root::System, "var") => matches!(second, "lib" | "log" | "backups" | "spool" | "mail"),
            (Root::System, "usr") => second != "local",
            (Root::System, first) => HELD.contains(&first),
            (Root::Home | Root::Project | Root::Unknown, _) => false,
        }
    }

    /// What the path says of a file with credentials in it.
    pub fn credentials(&self) -> Option<&'static str> {
        let shown = self.shown();
        let name = self.last().trim_end_matches(UNKNOWN);
        let folders = [".ssh", ".aws", ".gnupg", ".kube", ".azure"];
        if self.root == Root::Home && self.parts.len() == 1 && folders.contains(&name) {
            return Some("a folder of credentials");
        }
        let below = |folder: &str| shown.contains(&format!("/{folder}")) || shown.starts_with(folder);
        if below(".ssh/")
            && !name.ends_with(".pub")
            && (name.starts_with("id_") || name.contains('*') || name.ends_with(".pem"))
        {
            return Some("a private key of SSH");
        }
        if is_key(name) && !self.parts.iter().any(|part| OF_TESTS.contains(&part.as_str())) {
            return Some("a private key, or what holds one");
        }
        let home_only = self.root != Root::Project;
        let found = match name {
            "credentials" if below(".aws/") => "credentials of AWS",
            "credentials" | "credentials.toml" if below(".cargo/") => "credentials of a registry",
            "credentials" if below(".gem/") => "credentials of a registry",
            ".netrc" | "_netrc" | ".pgpass" | "pgpass.conf" | ".my.cnf" | ".git-credentials"
            | ".vault-token" => "passwords",
            ".npmrc" | ".pypirc" | ".yarnrc.yml" if home_only && below(name) => "credentials of a registry",
            "config" if below(".kube/") => "credentials of a cluster",
            "kubeconfig" => "credentials of a cluster",
            "config.json" if below(".docker/") => "credentials of a registry",
            "hosts.yml" if below("gh/") => "credentials of GitHub",
            "application_default_credentials.json" | "credentials.db" | "access_tokens.db" => {
                "credentials of Google Cloud"
            }
            "accessTokens.json" | "msal_token_cache.json" if below(".azure/") => "credentials of Azure",
            "shadow" | "gshadow" if self.root == Root::System && below("etc/") => {
                "the passwords of the machine"
            }
            "environ" if self.root == Root::System && below("proc/") => "the environment of a process",
            "admin.token" => "safeguard's own credentials",
            _ if name.starts_with(".env.prod") || name.starts_with(".env.staging") => {
                "credentials of an environment"
            }
            _ if below(".ssh/") && name.is_empty() => "private keys of SSH",
            _ => return None,
        };
        Some(found)
    }

    /// Whether it is a file of variables, such as `.env`, that is not an example of one.
    pub fn is_env_file(&self) -> bool {
        let name = self.last().trim_end_matches(UNKNOWN);
        let example = [".example", ".sample", ".template", ".dist"]
            .iter()
            .any(|ending| name.ends_with(ending));
        (name == ".env" || name.starts_with(".env.")) && !example
    }
}

/// Names of keys and of files with credentials in them, wherever they lie.
const KEYS: &[&str] = &[
    "*.key",
    "*.pem",
    "ca.key",
    "client.key",
    "credentials.tfrc.json",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "id_rsa",
    "key.pem",
    "master.key",
    "privkey.pem",
    "private-key.pem",
    "private.key",
    "private.pem",
    "private_key.pem",
    "production.key",
    "server.key",
    "staging.key",
    "tls.key",
];
/// The same by a pattern; of the endings of certificates only the names above.
const KEY_PATTERNS: &[&str] = &[
    "*.jks",
    "*.p12",
    "*.pfx",
    "*.tfstate",
    "*service-account*.json",
    "*service_account*.json",
];
/// Whose keys open nothing.
const OF_TESTS: &[&str] = &[
    "__fixtures__",
    "certs.d",
    "docs",
    "example",
    "examples",
    "fixtures",
    "node_modules",
    "site-packages",
    "spec",
    "test",
    "testdata",
    "tests",
];

fn is_key(name: &str) -> bool {
    KEYS.contains(&name)
        || KEY_PATTERNS
            .iter()
            .any(|pattern| star(name, pattern) && !name.starts_with('.'))
}

/// A home folder that is written out.
fn home(rest: &str) -> Option<(Spot, &str)> {
    let home = Spot::at(Root::Home);
    if let Some(rest) = rest.strip_prefix("root") {
        return (rest.is_empty() || rest.starts_with('/')).then_some((home, rest));
    }
    let rest = rest
        .strip_prefix("home/")
        .or_else(|| rest.strip_prefix("Users/"))?;
    Some((home, rest.split_once('/').map_or("", |(_, rest)| rest)))
}

/// Whether the words of an option or an upload may hide a path, as in `@.env` and `--file=x`.
pub(crate) fn path_in(word: &Word) -> &str {
    let text = word.text.as_str();
    let text = match text.split_once('=') {
        Some((option, value)) if !option.contains('/') => value,
        _ => text,
    };
    text.trim_start_matches(['@', '<'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(text: &str) -> Spot {
        Spot::project().to(text, Some("/home/me/shop"))
    }

    #[test]
    fn paths_lead_where_they_lead() {
        assert_eq!(to("a/../b/./c").shown(), "b/c");
        assert_eq!(to("/home/me/shop/target").shown(), "target");
        assert_eq!(to("/home/me/.ssh/id_rsa").shown(), "~/.ssh/id_rsa");
        assert_eq!(to("../x").root, Root::Unknown);
        assert_eq!(to("/tmp/../etc").shown(), "/etc");
    }

    #[test]
    fn what_a_build_makes_again_is_known_by_its_place() {
        for made in [
            "target",
            "web/dist/app.js",
            "/tmp/x",
            "node_modules",
            "/srv/app/node_modules",
        ] {
            assert!(to(made).is_made_again(), "{made}");
        }
        for held in [
            "/",
            "src",
            "/srv/app/dist",
            "/tmp",
            "/tmp/*",
            "target/../src",
            "dist/\u{f8ff}",
            "..",
        ] {
            assert!(!to(held).is_made_again(), "{held}");
        }
    }
}
