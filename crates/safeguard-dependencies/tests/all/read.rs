//! Every format as its tool writes it. The files in `fixtures` were written by npm 10, pnpm 7 to 9, yarn 1 and 4, bun 1.2, uv, pipenv, cargo and
//! go from small manifests; those of Poetry and PDM are in the form of their documentation.

use std::fmt::Write as _;
use std::path::Path;

use safeguard_dependencies::package::{Listing, Source};
use safeguard_dependencies::read::{Format, read};

#[test]
fn lock_files_of_npm_of_every_version() {
    reads(
        Format::PackageJson,
        &fixture("package.json"),
        r"
1: is-odd - (^3.0.1) direct
1: core-js 3.38.1 direct
1: left-pad 1.3.0 direct dev
",
    );
    reads(
        Format::PackageLock,
        &fixture("package-lock-v1.json"),
        r"
7: core-js 3.38.1 from `https://registry.npmjs.org/` 1 hashed
12: is-number 6.0.0 from `https://registry.npmjs.org/` 1 hashed
17: is-odd 3.0.1 from `https://registry.npmjs.org/` 1 hashed
25: left-pad 1.3.0 from `https://registry.npmjs.org/` 1 hashed dev
",
    );
    reads(
        Format::PackageLock,
        &fixture("package-lock-v2.json"),
        r"
18: core-js 3.38.1 from `https://registry.npmjs.org/` 1 hashed direct script
29: is-number 6.0.0 from `https://registry.npmjs.org/` 1 hashed
38: is-odd 3.0.1 from `https://registry.npmjs.org/` 1 hashed direct
50: left-pad 1.3.0 from `https://registry.npmjs.org/` 1 hashed direct dev
",
    );
    reads(
        Format::PackageLock,
        &fixture("package-lock-v3.json"),
        r"
18: core-js 3.38.1 from `https://registry.npmjs.org/` 1 hashed direct script
29: is-number 6.0.0 from `https://registry.npmjs.org/` 1 hashed
38: is-odd 3.0.1 from `https://registry.npmjs.org/` 1 hashed direct
50: left-pad 1.3.0 from `https://registry.npmjs.org/` 1 hashed direct dev
",
    );
}

#[test]
fn lock_files_of_pnpm_of_every_version() {
    reads(
        Format::PnpmLock,
        &fixture("pnpm-lock-5.yaml"),
        r"
17: core-js 3.38.1 1 hashed direct script
22: is-number 6.0.0 1 hashed
27: is-odd 3.0.1 1 hashed direct
34: left-pad 1.3.0 1 hashed direct dev
",
    );
    reads(
        Format::PnpmLock,
        &fixture("pnpm-lock-6.yaml"),
        r"
22: core-js 3.38.1 1 hashed direct script
27: is-number 6.0.0 1 hashed
32: is-odd 3.0.1 1 hashed direct
39: left-pad 1.3.0 1 hashed direct dev
",
    );
    reads(
        Format::PnpmLock,
        &fixture("pnpm-lock-9.yaml"),
        r"
24: core-js 3.38.1 1 hashed direct
27: is-number 6.0.0 1 hashed
31: is-odd 3.0.1 1 hashed direct
35: left-pad 1.3.0 1 hashed direct dev
",
    );
}

#[test]
fn lock_files_of_yarn_and_bun() {
    reads(
        Format::YarnLock,
        &fixture("yarn-classic.lock"),
        r"
5: core-js 3.38.1 from `https://registry.yarnpkg.com/` 1 hashed
10: is-number 6.0.0 from `https://registry.yarnpkg.com/` 1 hashed
15: is-odd 3.0.1 from `https://registry.yarnpkg.com/` 1 hashed
22: left-pad 1.3.0 from `https://registry.yarnpkg.com/` 1 hashed
",
    );
    reads(
        Format::YarnLock,
        &fixture("yarn-berry.lock"),
        r"
8: core-js 3.38.1 1 hashed direct
15: is-number 6.0.0 1 hashed
22: is-odd 3.0.1 1 hashed direct
31: left-pad 1.3.0 1 hashed direct
",
    );
    reads(
        Format::BunLock,
        &fixture("bun.lock"),
        r"
16: core-js 3.38.1 1 hashed direct
18: is-number 6.0.0 1 hashed
20: is-odd 3.0.1 1 hashed direct
22: left-pad 1.3.0 1 hashed direct
",
    );
}

#[test]
fn lock_files_of_python() {
    reads(
        Format::Pyproject,
        &fixture("pyproject.toml"),
        r"
5: requests 2.31.0 direct
5: click - (>=8) direct
7: iniconfig - direct dev
",
    );
    reads(
        Format::UvLock,
        &fixture("uv.lock"),
        r"
6: certifi 2026.10.19.post1 from `https://pypi.org/simple` 1 hashed dated
14: charset-normalizer 3.5.3 from `https://pypi.org/simple` 140 hashed dated
161: click 8.5.1 from `https://pypi.org/simple` 2 hashed direct dated
170: idna 3.20 from `https://pypi.org/simple` 2 hashed dated
179: iniconfig 2.3.1 from `https://pypi.org/simple` 2 hashed direct dev dated
188: requests 2.31.0 from `https://pypi.org/simple` 2 hashed direct dated
226: urllib3 2.8.0 from `https://pypi.org/simple` 2 hashed dated
",
    );
    reads(
        Format::PylockToml,
        &fixture("pylock.toml"),
        r"
8: certifi 2026.10.19.post1 from `https://pypi.org/simple` 1 hashed dated
14: charset-normalizer 3.5.3 from `https://pypi.org/simple` 140 hashed dated
161: click 8.5.1 from `https://pypi.org/simple` 2 hashed dated
168: idna 3.20 from `https://pypi.org/simple` 2 hashed dated
175: iniconfig 2.3.1 from `https://pypi.org/simple` 2 hashed dated
182: requests 2.31.0 from `https://pypi.org/simple` 2 hashed dated
189: urllib3 2.8.0 from `https://pypi.org/simple` 2 hashed dated
",
    );
    reads(
        Format::Requirements,
        &fixture("requirements-uv.txt"),
        r"
3: certifi 2026.10.19.post1 1 hashed
6: charset-normalizer 3.5.3 140 hashed
148: click 8.5.1 2 hashed
152: idna 3.20 2 hashed
156: iniconfig 2.3.1 2 hashed
159: requests 2.31.0 2 hashed
163: urllib3 2.8.0 2 hashed
",
    );
    reads(
        Format::PoetryLock,
        &fixture("poetry.lock"),
        r"
4: flask-login 0.6.3 2 hashed
16: iniconfig 2.0.0 1 hashed dev
27: ledger 0.1.0 from git `https://example.org/ledger.git`
",
    );
    reads(
        Format::PdmLock,
        &fixture("pdm.lock"),
        r"
14: click 8.1.7 1 hashed
24: iniconfig 2.0.0 1 hashed dev
",
    );
    reads(
        Format::Pipfile,
        &fixture("Pipfile"),
        r"
6: six 1.16.0 direct
8: iniconfig - direct dev
",
    );
    reads(
        Format::PipfileLock,
        &fixture("Pipfile.lock"),
        r"
17: six 1.16.0 2 hashed
28: iniconfig 2.3.1 2 hashed dev
",
    );
}

#[test]
fn lock_files_of_cargo_and_go() {
    reads(
        Format::CargoToml,
        &fixture("Cargo.toml"),
        r"
7: itoa - (1) direct
8: ryu - (1.0.23) direct
",
    );
    reads(
        Format::CargoLock,
        &fixture("Cargo.lock"),
        r"
6: itoa 1.0.19 1 hashed direct
12: ryu 1.0.23 1 hashed direct
",
    );
    reads(
        Format::GoMod,
        &fixture("go.mod"),
        r"
6: github.com/mattn/go-isatty v0.0.24 direct
7: github.com/pkg/errors v0.9.1 direct
10: golang.org/x/sys v0.28.0
",
    );
    reads(
        Format::GoSum,
        &fixture("go.sum"),
        r"

",
    );
}

#[test]
fn files_of_maven_and_gradle() {
    let pom = "<project>\n<groupId>org.example</groupId><artifactId>shop</artifactId><version>1.0</version>\n<properties><ledger.version>2.17.1</ledger.version></properties>\n<dependencies>\n<dependency><groupId>org.example.ledger</groupId><artifactId>core</artifactId><version>${ledger.version}</version></dependency>\n<dependency><groupId>junit</groupId><artifactId>junit</artifactId><version>4.13.2</version><scope>test</scope></dependency>\n<dependency><groupId>org.example</groupId><artifactId>parts</artifactId><version>[1,2)</version></dependency>\n</dependencies>\n</project>";
    reads(
        Format::Pom,
        pom,
        r"
5: org.example.ledger:core 2.17.1 direct
6: junit:junit 4.13.2 direct dev
7: org.example:parts - ([1,2)) direct
",
    );
    reads(
        Format::GradleLock,
        "# This is a Gradle generated file for dependency locking.\norg.example:core:1.2.3=compileClasspath,runtimeClasspath\njunit:junit:4.13.2=testCompileClasspath\nempty=annotationProcessor\n",
        r"
2: org.example:core 1.2.3
3: junit:junit 4.13.2 dev
",
    );
    reads(
        Format::BuildGradle,
        "dependencies {\n    implementation 'org.example:core:1.2.3'\n    testImplementation(\"junit:junit:4.+\")\n    implementation project(':lib')\n    // implementation 'old:old:1'\n}\n",
        r"
2: org.example:core 1.2.3 direct
3: junit:junit - (4.+) direct dev
",
    );
}

#[test]
fn files_of_ruby_and_php() {
    let gems = "GIT\n  remote: https://example.org/ledger.git\n  revision: 0123\n  specs:\n    ledger (0.1.0)\n\nGEM\n  remote: https://rubygems.org/\n  specs:\n    nokogiri (1.16.0-x86_64-linux)\n      racc (~> 1.4)\n    racc (1.7.3)\n\nPLATFORMS\n  x86_64-linux\n\nDEPENDENCIES\n  ledger!\n  nokogiri (~> 1.16)\n\nCHECKSUMS\n  racc (1.7.3) sha256=aa\n";
    reads(
        Format::GemfileLock,
        gems,
        r"
5: ledger 0.1.0 from git `https://example.org/ledger.git` direct
10: nokogiri 1.16.0 direct
12: racc 1.7.3 1 hashed
",
    );
    let composer = "{\"packages\": [\n{\"name\": \"Monolog/monolog\", \"version\": \"v3.5.0\", \"dist\": {\"type\": \"zip\", \"url\": \"https://example.org\", \"shasum\": \"aa\"}}],\n\"packages-dev\": [\n{\"name\": \"phpunit/phpunit\", \"version\": \"11.0.0\", \"dist\": {\"type\": \"zip\"}}]}";
    reads(
        Format::ComposerLock,
        composer,
        r"
2: monolog/monolog 3.5.0 1 hashed
4: phpunit/phpunit 11.0.0 dev
",
    );
    reads(
        Format::ComposerJson,
        "{\"require\": {\"php\": \">=8\", \"ext-json\": \"*\",\n\"monolog/monolog\": \"^3\"}}",
        "2: monolog/monolog - (^3) direct",
    );
}

#[test]
fn other_forms_of_wishes_and_packages() {
    reads(
        Format::PackageJson,
        "{\"dependencies\": {\"old\": \"npm:real@1.0.0\", \"a\": \"github:user/a\", \"b\": \"user/b#main\", \"c\": \"https://example.org/c.tgz\", \"d\": \"1.x || ~2\", \"e\": \"workspace:^\"}}",
        r"
1: real 1.0.0 direct
1: a - (github:user/a) from git `github:user/a` direct
1: b - (user/b#main) from git `user/b#main` direct
1: c - (https://example.org/c.tgz) from `https://example.org/c.tgz` direct
1: d - (1.x || ~2) direct
",
    );
    reads(
        Format::CargoToml,
        "[dependencies]\nold = { package = \"real\", version = \"=1.0.0\" }\nshared.workspace = true\n[target.'cfg(unix)'.dependencies]\nlocal = { path = \"../local\" }\n[patch.crates-io]\nserde = { git = \"https://example.org/serde\" }\n",
        r"
2: real 1.0.0 direct
5: local - from the folder `../local` direct
7: serde - from git `https://example.org/serde` direct
",
    );
    reads(
        Format::GoMod,
        "module example.com/shop\nrequire (\n\tgithub.com/a/b v1.0.0 // indirect\n\tgithub.com/c/d v1.0.0\n\tgithub.com/e/f v1.0.0\n)\nreplace github.com/c/d => ../d\nreplace github.com/e/f v1.0.0 => github.com/other/f v1.0.1\n",
        r"
3: github.com/a/b v1.0.0
7: github.com/c/d - from the folder `../d` direct
8: github.com/other/f v1.0.1 direct
",
    );
    reads(
        Format::SetupCfg,
        "[metadata]\nname = shop\n[options]\ninstall_requires =\n    requests>=2 # the web\n    click\n[options.extras_require]\ntest = pytest\n",
        r"
5: requests - (>=2) direct
6: click - direct
8: pytest - direct dev
",
    );
    reads(
        Format::Pyproject,
        "[tool.poetry.dependencies]\npython = \"^3.11\"\nledger = { git = \"https://example.org/ledger\" }\nclick = \"8.1.7\"\n[build-system]\nrequires = [\"hatchling\"]\n",
        r"
6: hatchling - direct dev
4: click - (8.1.7) direct
3: ledger - from git `https://example.org/ledger` direct
",
    );
    reads(
        Format::PnpmLock,
        "lockfileVersion: '6.0'\npackages:\n  /@scope/a@1.0.0(react@18.2.0):\n    resolution: {integrity: sha512-aa}\n  github.com/user/b/0123:\n    resolution: {tarball: https://codeload.github.com/user/b/tar.gz/0123}\n    name: b\n    version: 2.0.0\n",
        r"
3: @scope/a 1.0.0 1 hashed
5: b 2.0.0 from git `https://github.com/user/b/0123`
",
    );
}

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name);
    std::fs::read_to_string(path).unwrap()
}

/// A line for each package: what it is, where from, how many hashes, marks.
fn shown(text: &str, listing: &Listing) -> String {
    let mut lines: Vec<String> = listing
        .dependencies
        .iter()
        .map(|one| {
            let mut line = format!("{} {}", one.name, one.version.as_deref().unwrap_or("-"));
            if !one.requirement.is_empty() && one.version.is_none() {
                write!(line, " ({})", one.requirement).unwrap();
            }
            match &one.source {
                Source::Registry(None) => {}
                source => write!(line, " from {}", source.shown()).unwrap(),
            }
            if !one.integrity.is_empty() {
                write!(line, " {} hashed", one.integrity.len()).unwrap();
            }
            for (mark, is) in [
                (" direct", one.direct == Some(true)),
                (" dev", one.dev),
                (" script", one.install_script),
                (" dated", one.uploaded.is_some()),
            ] {
                line.push_str(if is { mark } else { "" });
            }
            let at = text[..one.span.start].matches('\n').count() + 1;
            // A place is where a reader finds the name.
            let place = &text[one.span.clone()];
            let bare = one
                .alias
                .as_deref()
                .unwrap_or(&one.name)
                .rsplit(['/', ':'])
                .next()
                .unwrap();
            let found = place.to_lowercase().replace(['_', '.'], "-");
            assert!(
                found.contains(&bare.to_lowercase().replace(['_', '.'], "-")),
                "{place} for {}",
                one.name
            );
            format!("{at}: {line}")
        })
        .collect();
    lines.extend(listing.unread.iter().map(|why| format!("unread: {why}")));
    lines.join("\n")
}

#[track_caller]
fn reads(format: Format, text: &str, expected: &str) {
    let listing = read(format, text).unwrap_or_else(|error| panic!("{error}"));
    let shown = shown(text, &listing);
    assert_eq!(shown.trim(), expected.trim(), "\n{shown}");
}
