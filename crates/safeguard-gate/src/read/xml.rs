//! XML as opening and closing elements: no entity is expanded beyond the five that every document has, nothing is
//! fetched, and everything has an end.

use std::borrow::Cow;

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use super::text;
use crate::unreadable::{Unreadable, shown};

const DEPTH_MAX: usize = 100;
const ATTRIBUTES_MAX: usize = 64;

const ENTITIES_HINT: &str = "write the report without entities of its own";
const SYNTAX_HINT: &str = "look whether the tool was ended before it had written everything";

pub(super) struct Xml<'a> {
    reader: Reader<&'a [u8]>,
    text: &'a str,
    depth: usize,
    roots: usize,
}

pub(super) enum Item<'a> {
    Open(Element<'a>),
    Close(Cow<'a, str>),
    /// Text between elements, without what stands in CDATA or in entities.
    Text(Cow<'a, str>),
}

pub(super) struct Element<'a>(BytesStart<'a>);

impl<'a> Xml<'a> {
    pub(super) fn new(text: &'a str) -> Xml<'a> {
        let mut reader = Reader::from_str(text);
        reader.config_mut().expand_empty_elements = true;
        Xml {
            reader,
            text,
            depth: 0,
            roots: 0,
        }
    }

    /// The next opening or closing element, or text; none at the end of a whole document.
    pub(super) fn next(&mut self) -> Result<Option<Item<'a>>, Unreadable> {
        loop {
            let event = match self.reader.read_event() {
                Ok(event) => event,
                Err(error) => {
                    let at = self.reader.error_position();
                    return Err(self.refuse_at(at, shown(&error.to_string(), 200), SYNTAX_HINT));
                }
            };
            match event {
                Event::Start(element) => return self.open(element).map(Some),
                Event::End(element) => {
                    self.depth = self.depth.saturating_sub(1);
                    return Ok(Some(Item::Close(element.name().into_inner().to_owned().into())));
                }
                Event::Text(content) => return Ok(Some(Item::Text(content.into_inner()))),
                Event::DocType(content) => self.document_type(&content.into_inner())?,
                Event::GeneralRef(entity) => self.entity(&entity.into_inner())?,
                Event::Eof if self.depth > 0 => {
                    let what = format!("it ends with {} elements open", self.depth);
                    return Err(self.refuse(what, SYNTAX_HINT));
                }
                Event::Eof if self.roots == 0 => return Err(self.refuse("no element", "it must be XML")),
                Event::Eof => return Ok(None),
                Event::Empty(_) | Event::CData(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            }
        }
    }

    fn open(&mut self, element: BytesStart<'a>) -> Result<Item<'a>, Unreadable> {
        if self.depth == 0 {
            self.roots += 1;
        }
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            let what = format!("elements within each other to a depth of more than {DEPTH_MAX}");
            return Err(self.refuse(what, "no tool writes such a report"));
        }
        if self.roots > 1 {
            return Err(self.refuse("a second document after the first", "send one report at a time"));
        }
        Ok(Item::Open(Element(element)))
    }

    /// Cobertura and JaCoCo name a document type that lies elsewhere; declarations of their own they never have.
    fn document_type(&self, content: &str) -> Result<(), Unreadable> {
        if content.contains('[') || content.contains("<!") {
            return Err(self.refuse("a document type with declarations of its own", ENTITIES_HINT));
        }
        Ok(())
    }

    fn entity(&self, name: &str) -> Result<(), Unreadable> {
        if name.starts_with('#') || ["amp", "lt", "gt", "quot", "apos"].contains(&name) {
            return Ok(());
        }
        let what = format!("the entity `&{};` is not expanded", shown(name, 40));
        Err(self.refuse(what, ENTITIES_HINT))
    }

    /// Refuses what was read last.
    pub(super) fn refuse(&self, what: impl Into<String>, hint: &str) -> Unreadable {
        self.refuse_at(self.reader.buffer_position(), what.into(), hint)
    }

    fn refuse_at(&self, at: u64, what: String, hint: &str) -> Unreadable {
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        Unreadable::new(text::place(self.text.as_bytes(), at), what, hint)
    }

    /// The values of the named attributes, in the order of `names`.
    pub(super) fn attributes<const N: usize>(
        &self,
        element: &'a Element<'a>,
        names: [&str; N],
    ) -> Result<[Option<Cow<'a, str>>; N], Unreadable> {
        let mut values = std::array::from_fn(|_| None);
        for (at, attribute) in element.0.attributes().enumerate() {
            if at == ATTRIBUTES_MAX {
                let what = format!("an element with more than {ATTRIBUTES_MAX} attributes");
                return Err(self.refuse(what, "no tool writes such a report"));
            }
            let attribute = attribute.map_err(|error| self.refuse(error.to_string(), SYNTAX_HINT))?;
            let key = attribute.key.local_name();
            if let Some(wanted) = names.iter().position(|name| *name == key.as_ref()) {
                let value = attribute.normalized_value(XmlVersion::Implicit1_0);
                values[wanted] =
                    Some(value.map_err(|error| self.refuse(shown(&error.to_string(), 200), ENTITIES_HINT))?);
            }
        }
        Ok(values)
    }

    /// The number that an attribute gives.
    pub(super) fn number<T: std::str::FromStr>(&self, name: &str, value: &str) -> Result<T, Unreadable> {
        value.trim().parse().map_err(|_| {
            let what = format!("`{name}` is `{}`, not a number in its bounds", shown(value, 40));
            self.refuse(what, "check the format that you named")
        })
    }
}

impl Element<'_> {
    /// Without its namespace.
    pub(super) fn name(&self) -> &str {
        self.0.local_name().into_inner()
    }
}
