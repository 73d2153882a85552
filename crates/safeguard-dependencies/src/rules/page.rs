//! A rule's page.

#[derive(Debug, Clone)]
pub struct Page {
    pub id: String,
    /// What is found, in a paragraph.
    pub about: String,
    pub why: String,
    pub instead: String,
    pub cases: Vec<Case>,
}

/// Files before and after, what is known from outside, and what is found.
#[derive(Debug, Clone, Default)]
pub struct Case {
    /// In order; the last says what is expected: `refused`, `noted`, `allowed`.
    pub blocks: Vec<Block>,
    /// The line of the page that it begins at.
    pub line: usize,
}

/// ```` ```after requirements.txt ````, with what stands in it.
#[derive(Debug, Clone)]
pub struct Block {
    pub words: Vec<String>,
    pub text: String,
}

impl Page {
    pub fn read(text: &str) -> Result<Page, String> {
        let id = text
            .strip_prefix("# ")
            .and_then(|rest| rest.lines().next())
            .ok_or("a page begins with `# ` and the rule's name")?
            .trim()
            .to_owned();
        let needs = |what: &str| format!("{id}: needs `{what}`");
        let (head, cases) = text.split_once("\n## Cases").ok_or_else(|| needs("## Cases"))?;
        let (about, rest) = head.split_once("**Why.**").ok_or_else(|| needs("**Why.**"))?;
        let (why, instead) = rest
            .split_once("**What to do instead.**")
            .ok_or_else(|| needs("**What to do instead.**"))?;
        let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let about = about.lines().skip(1).collect::<Vec<_>>().join(" ");
        Ok(Page {
            about: plain(&about),
            why: plain(why),
            instead: plain(instead),
            cases: read_cases(cases, head.lines().count() + 1).map_err(|error| format!("{id}: {error}"))?,
            id,
        })
    }
}

fn read_cases(text: &str, first_line: usize) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    let mut case = Case::default();
    let mut lines = text.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        let Some(words) = line.strip_prefix("```") else {
            continue;
        };
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        let mut body = String::new();
        loop {
            let (_, line) = lines
                .next()
                .ok_or_else(|| format!("line {}: the block does not end", first_line + at))?;
            if line == "```" {
                break;
            }
            body.push_str(line);
            body.push('\n');
        }
        let is_last = matches!(
            words.first().map(String::as_str),
            Some("refused" | "noted" | "allowed")
        );
        if case.blocks.is_empty() {
            case.line = first_line + at;
        }
        case.blocks.push(Block { words, text: body });
        if is_last {
            cases.push(std::mem::take(&mut case));
        }
    }
    if case.blocks.is_empty() {
        Ok(cases)
    } else {
        Err("the last case does not say what is expected".to_owned())
    }
}
