//! A rule's page: why, what to write instead, and the cases.

use crate::language::Language;

#[derive(Debug, Clone)]
pub struct Page {
    /// The rule's name.
    pub id: String,
    /// What is found, in a paragraph.
    pub about: String,
    pub why: String,
    pub instead: String,
    pub cases: Vec<Case>,
}

/// A file that the rule says something of, or nothing.
#[derive(Debug, Clone)]
pub struct Case {
    pub language: Language,
    /// Where it stands, if the case says so.
    pub path: Option<String>,
    pub expected: Expected,
    pub text: String,
    /// Whether the file is not there any more, and its text is nothing.
    pub gone: bool,
    /// The file as it was, for what compares.
    pub before: Option<String>,
    /// Other files of the repository that it is in: path and text.
    pub files: Vec<(String, String)>,
    /// The line of the page that its text begins at.
    pub line: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// The rule refuses a change that brings it.
    Refused,
    /// The rule advises against it.
    Noted,
    /// The rule says nothing.
    Allowed,
}

impl Page {
    pub fn read(text: &str) -> Result<Page, String> {
        let id = text
            .strip_prefix("# ")
            .and_then(|rest| rest.lines().next())
            .ok_or("a page begins with `# ` and the rule's name")?
            .trim()
            .to_owned();
        let (head, cases) = text
            .split_once("\n## Cases")
            .ok_or_else(|| format!("{id}: needs `## Cases`"))?;
        let (about, rest) = head
            .split_once("**Why.**")
            .ok_or_else(|| format!("{id}: needs `**Why.**`"))?;
        let (why, instead) = rest
            .split_once("**What to do instead.**")
            .ok_or_else(|| format!("{id}: needs `**What to do instead.**`"))?;
        let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let first_line = head.lines().count() + 1;
        Ok(Page {
            about: plain(
                about
                    .strip_prefix("# ")
                    .and_then(|about| about.strip_prefix(id.as_str()))
                    .unwrap_or(about),
            ),
            why: plain(why),
            instead: plain(instead),
            cases: read_cases(cases, first_line).map_err(|error| format!("{id}: {error}"))?,
            id,
        })
    }
}

impl Page {
    /// The path that a case stands at: what is about tests looks at files of tests.
    pub fn path_of(&self, case: &Case) -> String {
        if let Some(path) = &case.path {
            return path.clone();
        }
        let ending = match case.language {
            Language::Dockerfile => "dockerfile",
            Language::Go => "go",
            Language::Hcl => "tf",
            Language::JavaScript => "js",
            Language::Python => "py",
            Language::Sql => "sql",
            Language::Settings => "toml",
            Language::Shell => "sh",
            Language::Yaml => "yaml",
            Language::Java => "java",
            Language::Rust => "rs",
            Language::TypeScript => "ts",
            Language::Tsx => "tsx",
        };
        match self.id.as_str() {
            id if id.ends_with("-test") => format!("tests/case_test.{ending}"),
            _ => format!("src/case.{ending}"),
        }
    }
}

fn read_cases(text: &str, first_line: usize) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    let mut before: Option<String> = None;
    let mut files: Vec<(String, String)> = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        let Some(fence) = line.strip_prefix("```") else {
            continue;
        };
        let mut body = String::new();
        loop {
            let (_, line) = lines
                .next()
                .ok_or_else(|| format!("line {}: the case does not end", first_line + at))?;
            if line == "```" {
                break;
            }
            body.push_str(line);
            body.push('\n');
        }
        let mut words = fence.split_whitespace();
        // A file of the repository, in whatever language: ```text file requirements.txt
        if let [_, "file", path] = fence.split_whitespace().collect::<Vec<_>>().as_slice() {
            files.push(((*path).to_owned(), body));
            continue;
        }
        let language = match words.next() {
            Some("python") => Language::Python,
            Some("javascript") => Language::JavaScript,
            Some("typescript") => Language::TypeScript,
            Some("tsx") => Language::Tsx,
            Some("go") => Language::Go,
            Some("sql") => Language::Sql,
            Some("dockerfile") => Language::Dockerfile,
            Some("hcl") => Language::Hcl,
            Some("shell") => Language::Shell,
            Some("toml" | "json" | "ini" | "xml") => Language::Settings,
            Some("yaml") => Language::Yaml,
            Some("java") => Language::Java,
            Some("rust") => Language::Rust,
            other => {
                return Err(format!(
                    "line {}: language {other:?} is not known",
                    first_line + at
                ));
            }
        };
        let (mut path, mut gone) = (None, false);
        let expected = match (words.next(), words.next()) {
            (Some("before"), None) => {
                before = Some(body);
                continue;
            }
            // What the file is called tells what it is: ```yaml refused at .github/workflows/ci.yml
            (Some(word @ ("refused" | "noted" | "allowed")), Some(how @ ("at" | "gone"))) => {
                path = words.next().map(str::to_owned);
                gone = how == "gone";
                match word {
                    "refused" => Expected::Refused,
                    "noted" => Expected::Noted,
                    _ => Expected::Allowed,
                }
            }
            (Some("refused"), None) => Expected::Refused,
            (Some("noted"), None) => Expected::Noted,
            (Some("allowed"), None) => Expected::Allowed,
            _ => {
                return Err(format!(
                    "line {}: a case is `refused`, `noted` or `allowed` (`at PATH`), `before` or `file PATH`",
                    first_line + at
                ));
            }
        };
        cases.push(Case {
            language,
            path,
            expected,
            text: body,
            gone,
            before: before.take(),
            files: std::mem::take(&mut files),
            line: first_line + at + 1,
        });
    }
    Ok(cases)
}
