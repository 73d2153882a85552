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
    /// Those of them that failed by an assertion, and not because the code did.
    pub asserted: Vec<String>,
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
        let mut test: Option<Test> = None;
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
                    let begun = Some(Test {
                        name: name(&element)?,
                        failed: false,
                        asserted: false,
                        skipped: false,
                    });
                    match is_empty {
                        true => end(&mut ran, begun),
                        false => test = begun,
                    }
                }
                ("failure" | "error", Some(test)) => {
                    test.failed = true;
                    test.asserted |= value(&element, "message").is_some_and(|message| is_assertion(&message));
                }
                ("skipped", Some(test)) => test.skipped = true,
                _ => {}
            }
        }
    }
}

/// A test that is being read.
struct Test {
    name: String,
    failed: bool,
    asserted: bool,
    skipped: bool,
}

fn end(ran: &mut Ran, test: Option<Test>) {
    let Some(test) = test else {
        return;
    };
    if test.asserted {
        ran.asserted.push(test.name.clone());
    }
    if test.failed {
        ran.failed.push(test.name);
    } else if !test.skipped {
        ran.passed += 1;
    }
}

/// As pytest begins the messages of `assert`, `pytest.raises` and `pytest.fail`, and of the methods of unittest.
fn is_assertion(message: &str) -> bool {
    message.starts_with("assert") || message.starts_with("AssertionError") || message.starts_with("Failed:")
}

fn name(element: &BytesStart<'_>) -> Option<String> {
    let name = value(element, "name")?;
    Some(
        match value(element, "classname").filter(|class| !class.is_empty()) {
            Some(class) => format!("{class}.{name}"),
            None => name,
        },
    )
}

fn value(element: &BytesStart<'_>, wanted: &str) -> Option<String> {
    let attribute = element.try_get_attribute(wanted).ok()??;
    Some(
        attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .ok()?
            .into_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::Ran;

    #[test]
    fn a_report_of_pytest_is_read() {
        let text = "<?xml version=\"1.0\"?><testsuites><testsuite name=\"pytest\" tests=\"3\">\
            <testcase classname=\"tests.test_a\" name=\"test_a[1&lt;2]\" time=\"0.1\"/>\
            <testcase classname=\"tests.test_a\" name=\"test_b\"><failure message=\"assert 1 == 2\">no</failure></testcase>\
            <testcase classname=\"tests.test_a\" name=\"test_d\"><failure message=\"RuntimeError: probe\">no</failure></testcase>\
            <testcase classname=\"tests.test_a\" name=\"test_c\"><skipped message=\"later\"/></testcase></testsuite></testsuites>";
        let ran = Ran::read(text);
        let names = |names: &[&str]| names.iter().map(|name| format!("tests.test_a.{name}")).collect();
        let expected = Ran {
            failed: names(&["test_b", "test_d"]),
            asserted: names(&["test_b"]),
            passed: 1,
        };
        assert_eq!(ran, Some(expected));
        assert_eq!(
            Ran::read("<testsuite><testcase name=\"a\"></failure></testcase>"),
            None
        );
    }
}
