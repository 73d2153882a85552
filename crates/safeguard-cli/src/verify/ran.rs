//! Which tests failed, where the tests tell: pytest writes a report that it is asked for by its environment.

use std::path::Path;

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

/// What adds to pytest's arguments, whoever starts it.
pub const PYTEST_ARGUMENTS: &str = "PYTEST_ADDOPTS";
const REPORT_BYTES_MAX: u64 = 32 << 20;

/// Tests by their names.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Ran {
    pub failed: Vec<String>,
    pub passed: usize,
}

impl Ran {
    pub fn count(&self) -> usize {
        self.failed.len() + self.passed
    }

    /// Reads a report in JUnit's XML and removes it; none where there is none that is understood.
    pub fn take(path: &Path) -> Option<Ran> {
        let about = std::fs::metadata(path).ok()?;
        let text = (about.len() <= REPORT_BYTES_MAX)
            .then(|| std::fs::read_to_string(path).ok())
            .flatten();
        std::fs::remove_file(path).ok()?;
        Ran::read(&text?)
    }

    fn read(text: &str) -> Option<Ran> {
        let mut reader = Reader::from_str(text);
        let mut ran = Ran::default();
        let mut test: Option<(String, bool, bool)> = None;
        loop {
            let (element, is_empty) = match reader.read_event().ok()? {
                Event::Start(element) => (element, false),
                Event::Empty(element) => (element, true),
                Event::End(element) if element.name().as_ref() == "testcase" => {
                    end(&mut ran, test.take());
                    continue;
                }
                Event::Eof => return Some(ran),
                _ => continue,
            };
            match (element.name().as_ref(), &mut test) {
                ("testcase", _) => {
                    let begun = Some((name(&element)?, false, false));
                    match is_empty {
                        true => end(&mut ran, begun),
                        false => test = begun,
                    }
                }
                ("failure" | "error", Some((_, failed, _))) => *failed = true,
                ("skipped", Some((_, _, skipped))) => *skipped = true,
                _ => {}
            }
        }
    }
}

fn end(ran: &mut Ran, test: Option<(String, bool, bool)>) {
    match test {
        Some((name, true, _)) => ran.failed.push(name),
        Some((_, false, false)) => ran.passed += 1,
        Some((_, false, true)) | None => {}
    }
}

fn name(element: &BytesStart<'_>) -> Option<String> {
    let value = |wanted: &str| {
        let attribute = element.try_get_attribute(wanted).ok()??;
        Some(
            attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .ok()?
                .into_owned(),
        )
    };
    let name = value("name")?;
    Some(match value("classname").filter(|class| !class.is_empty()) {
        Some(class) => format!("{class}.{name}"),
        None => name,
    })
}

#[cfg(test)]
mod tests {
    use super::Ran;

    #[test]
    fn a_report_of_pytest_is_read() {
        let text = "<?xml version=\"1.0\"?><testsuites><testsuite name=\"pytest\" tests=\"3\">\
            <testcase classname=\"tests.test_a\" name=\"test_a[1&lt;2]\" time=\"0.1\"/>\
            <testcase classname=\"tests.test_a\" name=\"test_b\"><failure message=\"assert\">no</failure></testcase>\
            <testcase classname=\"tests.test_a\" name=\"test_c\"><skipped message=\"later\"/></testcase></testsuite></testsuites>";
        let ran = Ran::read(text);
        let failed = vec!["tests.test_a.test_b".to_owned()];
        assert_eq!(ran, Some(Ran { failed, passed: 1 }));
        assert_eq!(
            Ran::read("<testsuite><testcase name=\"a\"></failure></testcase>"),
            None
        );
    }
}
