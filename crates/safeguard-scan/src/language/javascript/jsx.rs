//! JSX.

use oxc_ast::ast::{
    JSXAttribute, JSXAttributeItem, JSXAttributeValue, JSXChild, JSXElement, JSXExpression,
    JSXExpressionContainer, JSXFragment, JSXText,
};
use oxc_ast::match_expression;
use oxc_span::GetSpan;

use super::{Converter, range};
use crate::tree::{Kind, Role};

impl Converter<'_> {
    pub(super) fn jsx_element(&mut self, it: &JSXElement<'_>, role: Role) {
        self.node(Kind::Jsx, role, it.span, |c| {
            c.builder.name_source(range(it.opening_element.name.span()));
            for attribute in &it.opening_element.attributes {
                match attribute {
                    JSXAttributeItem::Attribute(it) => c.jsx_attribute(it),
                    JSXAttributeItem::SpreadAttribute(it) => {
                        c.node(Kind::Spread, Role::Item, it.span, |c| {
                            c.builder.name_static("...");
                            c.expression(&it.argument, Role::Value);
                        });
                    }
                }
            }
            c.jsx_children(&it.children);
        });
    }

    pub(super) fn jsx_fragment(&mut self, it: &JSXFragment<'_>, role: Role) {
        self.node(Kind::Jsx, role, it.span, |c| {
            c.builder.name_static("");
            c.jsx_children(&it.children);
        });
    }

    fn jsx_attribute(&mut self, it: &JSXAttribute<'_>) {
        self.node(Kind::JsxAttribute, Role::Item, it.span, |c| {
            c.builder.name_source(range(it.name.span()));
            match &it.value {
                None => {}
                Some(JSXAttributeValue::StringLiteral(it)) => {
                    c.node(Kind::Str, Role::Value, it.span, |c| {
                        if it.value.contains('&') {
                            c.builder.name_decoded(&without_references(&it.value));
                        } else {
                            c.name_string(it);
                        }
                    });
                }
                Some(JSXAttributeValue::ExpressionContainer(it)) => c.jsx_expression(it, Role::Value),
                Some(JSXAttributeValue::Element(it)) => c.jsx_element(it, Role::Value),
                Some(JSXAttributeValue::Fragment(it)) => c.jsx_fragment(it, Role::Value),
            }
        });
    }

    fn jsx_children(&mut self, children: &[JSXChild<'_>]) {
        for child in children {
            match child {
                JSXChild::Text(it) => self.jsx_text(it),
                JSXChild::Element(it) => self.jsx_element(it, Role::Element),
                JSXChild::Fragment(it) => self.jsx_fragment(it, Role::Element),
                JSXChild::ExpressionContainer(it) => self.jsx_expression(it, Role::Element),
                JSXChild::Spread(it) => self.node(Kind::Spread, Role::Element, it.span, |c| {
                    c.builder.name_static("...");
                    c.expression(&it.expression, Role::Value);
                }),
            }
        }
    }

    /// The text's lines without the white space that lays them out; nothing where it is all there is.
    fn jsx_text(&mut self, it: &JSXText<'_>) {
        let lines: Vec<&str> = it
            .value
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        if !lines.is_empty() {
            let text = without_references(&lines.join(" "));
            self.named(Kind::Str, Role::Element, it.span, &text);
        }
    }

    fn jsx_expression(&mut self, it: &JSXExpressionContainer<'_>, role: Role) {
        match &it.expression {
            JSXExpression::EmptyExpression(_) => {}
            expression @ match_expression!(JSXExpression) => {
                self.expression(expression.to_expression(), role)
            }
        }
    }
}

/// Decodes `&amp;`, `&#38;` and their like; names beyond the common ones stay as they are written.
fn without_references(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        decoded.push_str(before);
        let reference = after
            .split_once(';')
            .and_then(|(name, after)| Some((character(name)?, after)));
        match reference {
            Some((character, after)) => {
                decoded.push(character);
                rest = after;
            }
            None => {
                decoded.push('&');
                rest = after;
            }
        }
    }
    decoded.push_str(rest);
    decoded
}

fn character(name: &str) -> Option<char> {
    let Some(number) = name.strip_prefix('#') else {
        return match name {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            "nbsp" => Some('\u{a0}'),
            _ => None,
        };
    };
    let code = match number.strip_prefix(['x', 'X']) {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => number.parse(),
    };
    char::from_u32(code.ok()?)
}
