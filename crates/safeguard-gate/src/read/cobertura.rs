//! Cobertura XML, as coverage.py, gocover-cobertura, coverlet and others write it.

use super::Read;
use super::coverage::Gathered;
use super::json::cut;
use super::xml::{Item, Xml};
use crate::unreadable::Unreadable;

const HINT: &str =
    "it must begin with `<coverage>` and have `<class filename=…>` with `<line number=… hits=…>`";

pub(super) fn read(text: &str) -> Result<Read, Unreadable> {
    let mut xml = Xml::new(text);
    let mut gathered = Gathered::default();
    let (mut is_coverage, mut in_source) = (false, false);
    let mut sources: Vec<String> = Vec::new();
    let mut file: Option<String> = None;
    while let Some(item) = xml.next()? {
        match item {
            Item::Open(element) => match element.name() {
                "coverage" => is_coverage = true,
                name if !is_coverage => {
                    return Err(xml.refuse(format!("`<{}>` is not Cobertura", cut(name, 40)), HINT));
                }
                "source" => in_source = true,
                "class" => {
                    let [name] = xml.attributes(&element, ["filename"])?;
                    let name = name.ok_or_else(|| xml.refuse("a class without `filename`", HINT))?;
                    let path = placed(&sources, &name);
                    gathered.file(&path).map_err(|what| xml.refuse(what, HINT))?;
                    file = Some(path);
                }
                "line" => {
                    let [number, hits] = xml.attributes(&element, ["number", "hits"])?;
                    let (Some(number), Some(hits), Some(file)) = (number, hits, &file) else {
                        return Err(xml.refuse("a line without class, `number` or `hits`", HINT));
                    };
                    let (number, hits): (u32, u64) =
                        (xml.number("number", &number)?, xml.number("hits", &hits)?);
                    let done = gathered.line(file, number, hits > 0);
                    done.map_err(|what| xml.refuse(what, HINT))?;
                }
                _ => {}
            },
            Item::Text(content) if in_source => sources.push(content.trim().to_owned()),
            Item::Text(_) => {}
            Item::Close(name) => match name.as_ref() {
                "source" => in_source = false,
                "class" => file = None,
                _ => {}
            },
        }
    }
    Ok(gathered.into_read())
}

/// Names are relative to the folder that `<source>` gives, if it is one alone.
fn placed(sources: &[String], name: &str) -> String {
    match sources {
        [source] if !name.starts_with('/') && !source.is_empty() && source != "." => {
            format!("{}/{name}", source.trim_end_matches('/'))
        }
        _ => name.to_owned(),
    }
}
