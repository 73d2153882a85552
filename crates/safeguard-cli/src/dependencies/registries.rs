//! Which registries are asked, as the package managers' own settings say, and what they answer.

use std::path::{Path, PathBuf};

use futures_util::StreamExt as _;
use safeguard_dependencies::change::Question;
use safeguard_dependencies::package::{Ecosystem, Listing, without_user};
use safeguard_dependencies::read::{self, Format};
use safeguard_dependencies::registry::{self, Answer, Facts, Release};
use safeguard_dependencies::version;

use super::cache::Cache;
use super::fetch::Client;

/// How many are asked at once.
const AT_ONCE: usize = 8;
/// The documents of npm's oldest packages have tens of megabytes.
const DOCUMENT_BYTES_MAX: usize = 96 << 20;
const SETTINGS_BYTES_MAX: u64 = 1 << 20;

/// The addresses that are asked where the project names none.
#[derive(Debug)]
pub struct Usual {
    pypi: Vec<String>,
    npm: String,
    npm_scopes: Vec<(String, String)>,
    crates: String,
    go: String,
    /// Patterns of modules that no proxy knows.
    go_private: String,
    maven: String,
}

impl Usual {
    /// As `pip`, `uv`, `npm`, `cargo` and `go` are set up for who runs this.
    pub fn of_environment() -> Usual {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let home = variable("HOME").map(PathBuf::from);
        let at_home = |path: &str| home.as_ref().map(|home| home.join(path));
        let mut npm = variable("npm_config_registry").or_else(|| variable("NPM_CONFIG_REGISTRY"));
        let mut npm_scopes = Vec::new();
        let own = variable("NPM_CONFIG_USERCONFIG")
            .or_else(|| variable("npm_config_userconfig"))
            .map(PathBuf::from);
        for file in own
            .or_else(|| at_home(".npmrc"))
            .into_iter()
            .chain(["/etc/npmrc".into()])
        {
            for registry in settings(&file, Format::Npmrc).registries {
                match registry.scope {
                    Some(scope) => npm_scopes.push((scope, registry.url)),
                    None => npm = npm.or(Some(registry.url)),
                }
            }
        }
        Usual {
            pypi: pypi(&variable, &at_home),
            npm: npm.unwrap_or_else(|| "https://registry.npmjs.org".to_owned()),
            npm_scopes,
            crates: crates(&variable, &at_home),
            go: go(variable("GOPROXY").as_deref()),
            go_private: ["GONOPROXY", "GOPRIVATE"]
                .iter()
                .filter_map(|name| variable(name))
                .collect::<Vec<_>>()
                .join(","),
            maven: "https://repo1.maven.org/maven2".to_owned(),
        }
    }

    /// The addresses for one question; what the project names comes first, and only what is encrypted.
    fn of(&self, question: &Question) -> Vec<String> {
        let scope = question.name.split_once('/').map(|(scope, _)| scope);
        let usual: Vec<String> = match question.ecosystem {
            Ecosystem::Pypi => self.pypi.clone(),
            Ecosystem::Npm => {
                let of_scope = self
                    .npm_scopes
                    .iter()
                    .find(|(name, _)| Some(name.as_str()) == scope);
                vec![of_scope.map_or(&self.npm, |(_, url)| url).clone()]
            }
            Ecosystem::Cargo => vec![self.crates.clone()],
            Ecosystem::Go if self.is_private(&question.name) => Vec::new(),
            Ecosystem::Go => vec![self.go.clone()],
            Ecosystem::Maven => vec![self.maven.clone()],
            Ecosystem::Packagist | Ecosystem::RubyGems => Vec::new(),
        };
        if question.registries.is_empty() {
            return usual;
        }
        let named = question.registries.iter().flat_map(|url| match url.as_str() {
            "" => usual.clone(),
            url if url.starts_with("https:") || is_local(url) => vec![url.to_owned()],
            _ => Vec::new(),
        });
        let mut all: Vec<String> = named.collect();
        all.dedup();
        all
    }
}

impl Usual {
    /// `*.corp.example.com,github.com/acme`: a module's path begins with such a pattern, part by part.
    fn is_private(&self, module: &str) -> bool {
        self.go_private
            .split(',')
            .map(str::trim)
            .filter(|pattern| !pattern.is_empty())
            .any(|pattern| {
                let mut parts = module.split('/');
                pattern.split('/').all(|wanted| {
                    let part = parts.next().unwrap_or("");
                    match wanted.split_once('*') {
                        Some((begin, end)) => part.starts_with(begin) && part.ends_with(end),
                        None => part == wanted,
                    }
                })
            })
    }
}

fn is_local(url: &str) -> bool {
    let host = safeguard_dependencies::package::host(url);
    url.starts_with("http:") && host.is_some_and(|host| host == "localhost" || host.starts_with("127."))
}

fn pypi(
    variable: &impl Fn(&str) -> Option<String>,
    at_home: &impl Fn(&str) -> Option<PathBuf>,
) -> Vec<String> {
    let mut main = ["UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"]
        .iter()
        .find_map(|name| variable(name));
    let mut extra: Vec<String> = ["UV_INDEX", "UV_EXTRA_INDEX_URL", "PIP_EXTRA_INDEX_URL"]
        .iter()
        .filter_map(|name| variable(name))
        .flat_map(|urls| urls.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        // uv's may have a name before them.
        .map(|url| match url.split_once('=') {
            Some((name, rest)) if !name.contains("://") => rest.to_owned(),
            _ => url,
        })
        .collect();
    let named = variable("PIP_CONFIG_FILE").map(PathBuf::from);
    let files = named
        .into_iter()
        .chain(
            [".config/pip/pip.conf", ".pip/pip.conf"]
                .iter()
                .filter_map(|path| at_home(path)),
        )
        .chain([PathBuf::from("/etc/pip.conf")]);
    let mut registries = Vec::new();
    for file in files {
        registries.extend(settings(&file, Format::PipConf).registries);
    }
    if let Some(file) = at_home(".config/uv/uv.toml") {
        registries.extend(settings(&file, Format::UvToml).registries);
    }
    for registry in registries {
        // Folders of wheels are no registry.
        if !registry.url.contains("://") || registry.scope.is_some() {
        } else if registry.extra {
            extra.push(registry.url);
        } else {
            main = main.or(Some(registry.url));
        }
    }
    let mut all = vec![main.unwrap_or_else(|| "https://pypi.org/simple".to_owned())];
    all.extend(extra);
    all
}

/// crates.io, or what `[source]` puts in its place.
fn crates(variable: &impl Fn(&str) -> Option<String>, at_home: &impl Fn(&str) -> Option<PathBuf>) -> String {
    let usual = || "https://index.crates.io".to_owned();
    let home = variable("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| at_home(".cargo"));
    let Some(home) = home else { return usual() };
    let text = ["config.toml", "config"]
        .iter()
        .find_map(|name| text_of(&home.join(name)));
    let Some(table) = text.and_then(|text| text.parse::<toml::Table>().ok()) else {
        return usual();
    };
    let sources = table.get("source").and_then(toml::Value::as_table);
    let of = |name: &str, key: &str| sources?.get(name)?.get(key)?.as_str().map(str::to_owned);
    let mut name = "crates-io".to_owned();
    // A source may be replaced by one that is replaced.
    for _ in 0..8 {
        match of(&name, "replace-with") {
            Some(next) => name = next,
            None => break,
        }
    }
    let url = of(&name, "registry").and_then(|url| url.strip_prefix("sparse+").map(str::to_owned));
    url.map_or_else(usual, |url| url.trim_end_matches('/').to_owned())
}

/// The first address of GOPROXY that is one.
fn go(proxies: Option<&str>) -> String {
    let mut all = proxies.unwrap_or("").split([',', '|']);
    let first = all.find(|one| one.starts_with("http"));
    first
        .unwrap_or("https://proxy.golang.org")
        .trim_end_matches('/')
        .to_owned()
}

fn text_of(path: &Path) -> Option<String> {
    let about = std::fs::metadata(path).ok()?;
    if !about.is_file() || about.len() > SETTINGS_BYTES_MAX {
        return None;
    }
    std::fs::read_to_string(path).ok()
}

/// What a settings file of this machine says; nothing where there is none.
fn settings(path: &Path, format: Format) -> Listing {
    text_of(path)
        .and_then(|text| read::read(format, &text).ok())
        .unwrap_or_default()
}

/// Asks all registries all questions; the answers in the order of the questions.
pub async fn ask(client: &Client, cache: &Cache, usual: &Usual, questions: &[Question]) -> Vec<Answer> {
    let asked = questions
        .iter()
        .map(|question| one(client, cache, usual, question));
    futures_util::stream::iter(asked)
        .buffered(AT_ONCE)
        .collect()
        .await
}

/// A package is there if any of its registries has it, and is not if all of them say so.
async fn one(client: &Client, cache: &Cache, usual: &Usual, question: &Question) -> Answer {
    let urls = usual.of(question);
    if urls.is_empty() {
        return Answer::NotAsked;
    }
    let mut merged: Option<Facts> = None;
    let mut unreachable = None;
    for url in urls {
        match at(client, cache, &url, question).await {
            Answer::Known(facts) => {
                merged = Some(match merged {
                    Some(known) => both(known, facts),
                    None => facts,
                })
            }
            Answer::Absent | Answer::NotAsked => {}
            Answer::Unreachable(why) => unreachable = Some(why),
        }
    }
    match (merged, unreachable) {
        (Some(facts), _) => Answer::Known(facts),
        (None, Some(why)) => Answer::Unreachable(why),
        (None, None) => Answer::Absent,
    }
}

fn both(mut one: Facts, other: Facts) -> Facts {
    one.first = one.first.into_iter().chain(other.first).min();
    one.held &= other.held;
    for (version, release) in other.versions {
        one.versions.entry(version).or_insert(release);
    }
    one
}

/// One registry's answer: from the cache while that is fresh and has the versions that are asked for, and when nobody answers.
async fn at(client: &Client, cache: &Cache, base: &str, question: &Question) -> Answer {
    let key = format!("{} {} {}", without_user(base), question.ecosystem, question.name);
    let has_all = |facts: &Facts| {
        let mut versions = question.versions.iter();
        versions.all(|version| facts.version(question.ecosystem, version).is_some())
    };
    if let Some(Answer::Known(facts)) = cache.fresh(&key).filter(|answer| match answer {
        Answer::Known(facts) => has_all(facts),
        _ => true,
    }) {
        return Answer::Known(facts);
    }
    let base = base.trim_end_matches('/');
    let asked = match question.ecosystem {
        Ecosystem::Pypi => {
            let url = format!("{base}/{}/", question.name);
            document(
                client,
                &url,
                "application/vnd.pypi.simple.v1+json, text/html;q=0.1",
                registry::pypi,
            )
            .await
        }
        Ecosystem::Npm => {
            let url = format!("{base}/{}", question.name.replace('/', "%2f"));
            document(client, &url, "application/json", registry::npm).await
        }
        Ecosystem::Cargo => {
            let url = format!("{base}/{}", registry::crates_path(&question.name));
            document(client, &url, "text/plain, application/json", registry::crates).await
        }
        Ecosystem::Go => go_module(client, base, question).await,
        Ecosystem::Maven => {
            let path = question
                .name
                .split_once(':')
                .map(|(group, name)| format!("{}/{name}", group.replace('.', "/")));
            let url = format!("{base}/{}/maven-metadata.xml", path.unwrap_or_default());
            document(client, &url, "application/xml", registry::maven).await
        }
        Ecosystem::Packagist | Ecosystem::RubyGems => Ok(Answer::NotAsked),
    };
    match asked {
        Ok(answer) => {
            cache.keep(&key, &answer);
            answer
        }
        Err(why) => cache.stale(&key).unwrap_or(Answer::Unreachable(why)),
    }
}

async fn document(
    client: &Client,
    url: &str,
    accept: &str,
    read: fn(&str) -> Result<Facts, registry::AnswerError>,
) -> Result<Answer, String> {
    match client.text(url, accept, DOCUMENT_BYTES_MAX).await {
        Ok(Some(text)) => read(&text).map(Answer::Known).map_err(|error| error.to_string()),
        Ok(None) => Ok(Answer::Absent),
        Err(error) => Err(error.to_string()),
    }
}

/// A proxy tells when a version was made, one by one: those that are asked for, and the lowest, which came first.
async fn go_module(client: &Client, base: &str, question: &Question) -> Result<Answer, String> {
    let path = registry::go_path(&question.name);
    let get = async |last: &str| {
        let url = format!("{base}/{path}/{last}");
        client
            .text(&url, "*/*", DOCUMENT_BYTES_MAX)
            .await
            .map_err(|error| error.to_string())
    };
    let Some(list) = get("@v/list").await? else {
        return Ok(Answer::Absent);
    };
    let mut facts = Facts::default();
    for version in list.split_whitespace() {
        facts.versions.insert(version.to_owned(), Release::default());
    }
    let lowest = facts.versions.keys().cloned().reduce(|one, other| {
        let order = version::compare(Ecosystem::Go, &other, &one);
        if order == Some(std::cmp::Ordering::Less) {
            other
        } else {
            one
        }
    });
    for version in question.versions.iter().chain(&lowest) {
        let Some(text) = get(&format!("@v/{}.info", registry::go_path(version))).await? else {
            continue;
        };
        let (name, published) = registry::go_info(&text).map_err(|error| error.to_string())?;
        facts.first = facts.first.into_iter().chain(published).min();
        facts.versions.entry(name).or_default().published = published;
    }
    if facts.versions.is_empty() {
        Ok(Answer::Absent)
    } else {
        Ok(Answer::Known(facts))
    }
}
