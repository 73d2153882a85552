//! JaCoCo XML: lines with counts of bytecode instructions, in files named by package.

use super::Read;
use super::coverage::Gathered;
use super::json::cut;
use super::xml::{Item, Xml};
use crate::unreadable::Unreadable;

const HINT: &str = "it must begin with `<report>`, as `jacoco:report` writes it to jacoco.xml";

pub(super) fn read(text: &str) -> Result<Read, Unreadable> {
    let mut xml = Xml::new(text);
    let mut gathered = Gathered::default();
    let (mut is_report, mut package) = (false, String::new());
    let mut file: Option<String> = None;
    while let Some(item) = xml.next()? {
        match item {
            Item::Open(element) => match element.name() {
                "report" => is_report = true,
                name if !is_report => {
                    return Err(xml.refuse(format!("`<{}>` is not JaCoCo", cut(name, 40)), HINT));
                }
                "package" => {
                    let [name] = xml.attributes(&element, ["name"])?;
                    package = name
                        .ok_or_else(|| xml.refuse("a package without `name`", HINT))?
                        .into_owned();
                }
                "sourcefile" => {
                    let [name] = xml.attributes(&element, ["name"])?;
                    let name = name.ok_or_else(|| xml.refuse("a source file without `name`", HINT))?;
                    let path = match package.is_empty() {
                        true => name.into_owned(),
                        false => format!("{package}/{name}"),
                    };
                    gathered.file(&path).map_err(|what| xml.refuse(what, HINT))?;
                    file = Some(path);
                }
                "line" => {
                    let [number, missed, covered] = xml.attributes(&element, ["nr", "mi", "ci"])?;
                    let (Some(number), Some(missed), Some(covered), Some(file)) =
                        (number, missed, covered, &file)
                    else {
                        return Err(xml.refuse("a line without source file, `nr`, `mi` or `ci`", HINT));
                    };
                    let number: u32 = xml.number("nr", &number)?;
                    let (missed, covered): (u64, u64) =
                        (xml.number("mi", &missed)?, xml.number("ci", &covered)?);
                    if missed > 0 || covered > 0 {
                        let done = gathered.line(file, number, covered > 0);
                        done.map_err(|what| xml.refuse(what, HINT))?;
                    }
                }
                _ => {}
            },
            Item::Close(name) if name == "sourcefile" => file = None,
            Item::Close(_) | Item::Text(_) => {}
        }
    }
    Ok(gathered.into_read())
}
