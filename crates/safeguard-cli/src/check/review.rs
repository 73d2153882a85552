//! A review with comments on lines, as GitHub's API takes it (`POST /repos/{owner}/{repo}/pulls/{number}/reviews`).

use std::collections::BTreeMap;

use safeguard_mutation::Lines;
use safeguard_scan::change::{Judged, Verdict};
use safeguard_scan::rules::Page;
use serde_json::{Value, json};

use super::{Checked, count, formats, shown};

/// What a person reads in one review; the rest is counted.
const COMMENTS_MAX: usize = 30;

/// GitHub takes comments on lines of the diff alone, and refuses the whole review for one elsewhere: what lies on other lines is told in the
/// review's text.
pub fn github(checked: &Checked, pages: &[Page]) -> Value {
    let pages: BTreeMap<&str, &Page> = pages.iter().map(|page| (page.id.as_str(), page)).collect();
    let written: BTreeMap<&str, Lines> = checked
        .selection
        .entries
        .iter()
        .filter_map(|entry| {
            Some((
                entry.path.as_str(),
                Lines::written(entry.base.text(), entry.head.text()?),
            ))
        })
        .collect();
    let all = formats::introduced(checked);
    let (on_lines, elsewhere): (Vec<&Judged>, Vec<&Judged>) =
        all.iter().take(COMMENTS_MAX).partition(|judged| {
            let place = &judged.finding.place;
            written
                .get(judged.finding.path.as_str())
                .is_some_and(|lines| lines.touch(place.line, place.line))
        });
    let comments = on_lines.iter().map(|judged| {
        let finding = &judged.finding;
        json!({ "path": finding.path, "line": finding.place.line, "side": "RIGHT", "body": comment(judged, &pages) })
    });
    let mut body = anstream::adapter::strip_str(&shown::summary(checked)).to_string();
    for judged in elsewhere {
        let finding = &judged.finding;
        body.push_str(&format!(
            "\n\n`{}:{}` {}",
            finding.path,
            finding.place.line,
            comment(judged, &pages)
        ));
    }
    if all.len() > COMMENTS_MAX {
        body.push_str(&format!(
            "\n\nand {} more",
            count(all.len() - COMMENTS_MAX, "finding")
        ));
    }
    for unread in &checked.report.unread {
        body.push_str(&format!(
            "\n\ncould not be looked at: `{}`: {}",
            unread.path, unread.why
        ));
    }
    json!({
        "event": match checked.report.verdict() {
            Verdict::Refused => "REQUEST_CHANGES",
            Verdict::Clean | Verdict::Undecided => "COMMENT",
        },
        "body": body,
        "comments": comments.collect::<Vec<_>>(),
    })
}

fn comment(judged: &Judged, pages: &BTreeMap<&str, &Page>) -> String {
    let finding = &judged.finding;
    let level = if judged.blocks() { "refused" } else { "advice" };
    let mut text = format!("**{}** ({level}): {}", finding.rule, finding.message);
    if let Some(page) = pages.get(finding.rule.as_str()) {
        text.push_str(&format!("\n\n{}\n\n**Instead.** {}", page.why, page.instead));
    }
    text
}
