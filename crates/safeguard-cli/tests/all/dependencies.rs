//! `safeguard check` on lock files and manifests, with a server that plays the registries; `safeguard osv` and `safeguard sbom`.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::check::{git, refused_by};

/// Answers GET from a list of paths, with 404 to all others, and remembers what it was asked.
struct Registry {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Registry {
    fn start(pages: &[(&str, String)]) -> Registry {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let pages: BTreeMap<String, String> = pages
            .iter()
            .map(|(path, text)| ((*path).to_owned(), text.clone()))
            .collect();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut first = String::new();
                reader.read_line(&mut first).unwrap();
                let mut line = String::new();
                while reader.read_line(&mut line).unwrap() > 2 {
                    line.clear();
                }
                let path = first.split(' ').nth(1).unwrap_or("").to_owned();
                let (status, body) = match pages.get(&path) {
                    Some(text) => ("200 OK", text.clone()),
                    None => ("404 Not Found", String::new()),
                };
                seen.lock().unwrap().push(path);
                let head = format!(
                    "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                // Who asked may have gone.
                drop(stream.write_all(format!("{head}{body}").as_bytes()));
            }
        });
        Registry { url, asked }
    }

    fn asked(&self) -> Vec<String> {
        let mut asked = self.asked.lock().unwrap().clone();
        asked.sort();
        asked
    }
}

fn pypi(versions: &[(&str, &str)]) -> String {
    let files: Vec<Value> = versions
        .iter()
        .map(|(version, time)| json!({ "filename": format!("x-{version}.tar.gz"), "upload-time": time }))
        .collect();
    let versions: Vec<&str> = versions.iter().map(|(version, _)| *version).collect();
    json!({ "name": "x", "versions": versions, "files": files }).to_string()
}

struct Place {
    folder: TempDir,
    home: TempDir,
}

impl Place {
    fn new(files: &[(&str, &str)]) -> Place {
        let place = Place {
            folder: tempfile::tempdir().unwrap(),
            home: tempfile::tempdir().unwrap(),
        };
        git(place.path(), &["init", "-q", "-b", "main"]);
        place.write(files);
        place.write(&[("README.md", "a shop\n")]);
        git(place.path(), &["add", "-A"]);
        git(place.path(), &["commit", "-q", "-m", "base"]);
        git(place.path(), &["checkout", "-q", "-b", "change"]);
        place
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, files: &[(&str, &str)]) {
        for (path, text) in files {
            std::fs::write(self.path().join(path), text).unwrap();
        }
    }

    /// Runs it as a person whose settings know of this registry alone.
    fn run(&self, registry: &str, words: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_safeguard"));
        command
            .args(words)
            .current_dir(self.path())
            .env("HOME", self.home.path());
        for name in [
            "XDG_CACHE_HOME",
            "SAFEGUARD_CACHE",
            "SAFEGUARD_OSV",
            "PIP_CONFIG_FILE",
            "CARGO_HOME",
            "NPM_CONFIG_USERCONFIG",
        ] {
            command.env_remove(name);
        }
        command
            .env("PIP_INDEX_URL", format!("{registry}/simple"))
            .env("npm_config_registry", registry)
            .env("GOPROXY", format!("{registry}/go"))
            .env_remove("UV_DEFAULT_INDEX")
            .env_remove("UV_INDEX_URL")
            .env_remove("PIP_EXTRA_INDEX_URL");
        let cargo = format!(
            "[source.crates-io]\nreplace-with = \"here\"\n[source.here]\nregistry = \"sparse+{registry}/crates/\"\n"
        );
        std::fs::create_dir_all(self.home.path().join(".cargo")).unwrap();
        std::fs::write(self.home.path().join(".cargo/config.toml"), cargo).unwrap();
        command.output().unwrap()
    }

    fn check(&self, registry: &str, words: &[&str]) -> (Option<i32>, Value) {
        let mut all = vec!["--json", "check"];
        all.extend(words);
        let output = self.run(registry, &all);
        let report = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
        (output.status.code(), report)
    }
}

/// Nobody listens on this port.
const NOBODY: &str = "http://127.0.0.1:9";

fn unread(report: &Value) -> Vec<&str> {
    let all = report["unread"].as_array().unwrap().iter();
    all.map(|one| one["why"].as_str().unwrap()).collect()
}

#[test]
fn a_package_that_is_declared_and_was_made_up_is_refused_and_a_real_one_passes() {
    let registry = Registry::start(&[
        ("/simple/flask/", pypi(&[("3.0.0", "2023-09-30T00:00:00Z")])),
        (
            "/express",
            json!({ "versions": { "4.0.0": {} }, "time": { "created": "2014-01-01T00:00:00Z", "4.0.0": "2014-01-01T00:00:00Z" } }).to_string(),
        ),
        (
            "/crates/it/oa/itoa",
            "{\"name\":\"itoa\",\"vers\":\"1.0.0\",\"yanked\":false,\"pubtime\":\"2021-01-01T00:00:00Z\"}\n".to_owned(),
        ),
        ("/go/github.com/pkg/errors/@v/list", "v0.9.1\n".to_owned()),
        (
            "/go/github.com/pkg/errors/@v/v0.9.1.info",
            "{\"Version\":\"v0.9.1\",\"Time\":\"2020-01-14T19:47:44Z\"}".to_owned(),
        ),
    ]);
    let place = Place::new(&[("requirements.txt", "")]);
    place.write(&[
        ("requirements.txt", "flask==3.0.0\nflask-request-guardian\n"),
        ("package.json", "{\"dependencies\": {\"express\": \"4.0.0\", \"@made/up\": \"^1\"}}"),
        ("Cargo.toml", "[package]\nname = \"shop\"\n[dependencies]\nitoa = \"1\"\nmade-up-crate = \"1\"\n"),
        ("go.mod", "module example.com/shop\nrequire github.com/pkg/errors v0.9.1\nrequire github.com/made/up v1.0.0\n"),
    ]);
    let (code, report) = place.check(&registry.url, &[]);
    assert_eq!(code, Some(1));
    assert_eq!(refused_by(&report), ["unknown-dependency"; 3], "{report:#}");
    assert!(
        registry.asked().contains(&"/@made%2fup".to_owned()),
        "{:?}",
        registry.asked()
    );
    place.write(&[
        ("requirements.txt", "flask==3.0.0\n"),
        ("package.json", "{\"dependencies\": {\"express\": \"4.0.0\"}}"),
        (
            "Cargo.toml",
            "[package]\nname = \"shop\"\n[dependencies]\nitoa = \"1\"\n",
        ),
        (
            "go.mod",
            "module example.com/shop\nrequire github.com/pkg/errors v0.9.1\n",
        ),
    ]);
    let before = registry.asked().len();
    let (code, report) = place.check(&registry.url, &[]);
    assert_eq!((code, report["files"].as_u64()), (Some(0), Some(4)), "{report:#}");
    assert_eq!(registry.asked().len(), before, "answers are kept");
    // What is kept is enough where nobody answers.
    assert_eq!(place.check(&registry.url, &[]).0, Some(0));
    let text = place.run(&registry.url, &["check"]);
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.contains("there is no database of them"), "{text}");
}

#[test]
fn a_registry_that_does_not_answer_decides_nothing_and_offline_says_so() {
    let place = Place::new(&[("requirements.txt", "flask==3.0.0\n")]);
    place.write(&[("requirements.txt", "flask==3.0.0\nledgerlib\n")]);
    let (code, report) = place.check(NOBODY, &[]);
    assert_eq!((code, &report["verdict"]), (Some(2), &json!("inconclusive")));
    assert!(
        unread(&report)[0].contains("could not be asked about `ledgerlib`"),
        "{report:#}"
    );
    let (code, report) = place.check(NOBODY, &["--offline"]);
    assert_eq!((code, &report["verdict"]), (Some(0), &json!("pass")));
    let message = report["findings"][0]["message"].as_str().unwrap();
    assert!(
        message.starts_with("no registry was asked about `ledgerlib`"),
        "{message}"
    );
    // What was there is not asked for.
    place.write(&[("requirements.txt", "flask==3.0.0\n# nothing new\n")]);
    let (code, report) = place.check(NOBODY, &[]);
    assert_eq!(
        (code, report["findings"].as_array().unwrap().len()),
        (Some(0), 0),
        "{report:#}"
    );
}

#[test]
fn a_page_that_is_no_answer_decides_nothing() {
    let registry = Registry::start(&[("/simple/ledgerlib/", "<html>log in here</html>".to_owned())]);
    let place = Place::new(&[]);
    place.write(&[("requirements.txt", "ledgerlib\n")]);
    let (code, report) = place.check(&registry.url, &[]);
    assert_eq!(code, Some(2), "{report:#}");
    assert!(unread(&report)[0].contains("is not understood"), "{report:#}");
}

const ADVISORY: &str = r#"{"id": "GHSA-aaaa-1", "aliases": ["CVE-2025-1"], "summary": "anyone reads ledgers", "database_specific": {"severity": "HIGH"},
 "affected": [{"package": {"ecosystem": "PyPI", "name": "ledgerlib"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.2.5"}]}]}]}"#;

#[test]
fn a_vulnerable_version_is_refused_with_a_database_and_what_is_wrong_with_it_decides_nothing() {
    let registry = Registry::start(&[(
        "/simple/ledgerlib/",
        pypi(&[
            ("1.2.0", "2020-01-01T00:00:00Z"),
            ("1.2.5", "2020-02-01T00:00:00Z"),
        ]),
    )]);
    let place = Place::new(&[]);
    place.write(&[("requirements.txt", "ledgerlib==1.2.0\n")]);
    let (code, report) = place.check(&registry.url, &[]);
    assert_eq!(
        code,
        Some(0),
        "without a database it is advice that there is none: {report:#}"
    );

    let files = tempfile::tempdir().unwrap();
    std::fs::write(files.path().join("GHSA-aaaa-1.json"), ADVISORY).unwrap();
    let from = files.path().to_str().unwrap();
    let updated = place.run(&registry.url, &["osv", "update", "--from", from]);
    assert_eq!(
        updated.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&updated.stderr)
    );
    let (code, report) = place.check(&registry.url, &[]);
    assert_eq!(
        (code, refused_by(&report)),
        (Some(1), vec!["vulnerable-dependency"]),
        "{report:#}"
    );
    let message = report["findings"][0]["message"].as_str().unwrap();
    assert!(message.ends_with("mended in 1.2.5"), "{message}");

    // Somebody answers for it.
    let waived = "# safeguard: allow[vulnerable-dependency] only read by us (owner: kim, until: 2999-01-31)\nledgerlib==1.2.0\n";
    place.write(&[("requirements.txt", waived)]);
    assert_eq!(place.check(&registry.url, &[]).0, Some(0));
    place.write(&[("requirements.txt", "ledgerlib==1.2.5\n")]);
    assert_eq!(place.check(&registry.url, &[]).0, Some(0));

    let index = place.home.path().join(".cache/safeguard/osv/PyPI.idx");
    let whole = std::fs::read(&index).unwrap();
    // Built in 1970.
    let mut old = whole.clone();
    old[8..16].copy_from_slice(&1_i64.to_le_bytes());
    for (bytes, why) in [
        (&old[..], "days old"),
        (&whole[..1000], "cannot be read"),
        (b"nonsense".as_slice(), "`safeguard osv update`"),
    ] {
        std::fs::write(&index, bytes).unwrap();
        let (code, report) = place.check(&registry.url, &[]);
        assert_eq!(code, Some(2), "{report:#}");
        assert!(unread(&report)[0].contains(why), "{report:#}");
    }
    std::fs::write(&index, &old).unwrap();
    assert_eq!(place.check(&registry.url, &["--osv-days", "99999"]).0, Some(0));
    let named = files.path().join("nothing");
    let (code, _) = place.check(&registry.url, &["--osv", named.to_str().unwrap()]);
    assert_eq!(code, Some(2), "who names a database wants it to be asked");
}

#[test]
fn a_database_is_fetched_as_archives_and_what_is_no_advisory_is_told() {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in [("GHSA-aaaa-1.json", ADVISORY), ("notes.txt", "nothing")] {
        archive
            .start_file(name, zip::write::SimpleFileOptions::default())
            .unwrap();
        archive.write_all(text.as_bytes()).unwrap();
    }
    let bytes = archive.finish().unwrap().into_inner();
    let place = Place::new(&[]);
    let files = tempfile::tempdir().unwrap();
    std::fs::create_dir(files.path().join("PyPI")).unwrap();
    std::fs::write(files.path().join("PyPI/all.zip"), bytes).unwrap();
    let from = files.path().to_str().unwrap();
    let updated = place.run(NOBODY, &["osv", "update", "--from", from]);
    assert_eq!(
        updated.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&updated.stderr)
    );
    let status = place.run(NOBODY, &["--json", "osv", "status"]);
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status[0]["advisories"], 1, "{status}");

    std::fs::write(files.path().join("broken.json"), "{").unwrap();
    let updated = place.run(NOBODY, &["osv", "update", "--from", from]);
    assert_eq!(updated.status.code(), Some(2));
    let unreachable = place.run(NOBODY, &["osv", "update", "--ecosystem", "PyPI", "--url", NOBODY]);
    assert_eq!(unreachable.status.code(), Some(2));
}

#[test]
fn a_bill_is_the_same_each_time_and_says_what_it_lacks() {
    let place = Place::new(&[(
        "package-lock.json",
        "{\"lockfileVersion\": 3, \"packages\": {\"\": {}, \"node_modules/a\": {\"version\": \"1.0.0\"}}}",
    )]);
    let bill = place.run(NOBODY, &["sbom"]);
    assert_eq!(
        bill.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&bill.stderr)
    );
    assert_eq!(bill.stdout, place.run(NOBODY, &["sbom", "."]).stdout);
    let value: Value = serde_json::from_slice(&bill.stdout).unwrap();
    assert_eq!(value["components"][0]["purl"], "pkg:npm/a@1.0.0");
    place.write(&[("yarn.lock", "<html>\n")]);
    assert_eq!(place.run(NOBODY, &["sbom"]).status.code(), Some(2));
}

#[test]
fn rules_on_dependencies_are_listed_and_shown() {
    let place = Place::new(&[]);
    let listed = place.run(NOBODY, &["rules", "list"]);
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(
        listed.contains("lookalike-dependency") && listed.contains("sql-injection"),
        "{listed}"
    );
    let shown = place.run(NOBODY, &["rules", "show", "lock-mismatch"]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains("What to do instead:"));
}
