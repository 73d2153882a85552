//! Where the names of a piece of code get their values: assignments, loops, and calls of its own functions.

use super::Code;
use super::tokens::Token;

/// Where an expression that begins here ends: at a sign that closes or parts what it stands in.
pub(super) fn end_of(tokens: &[Token], from: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(from) {
        match token {
            Token::Sign('(' | '[' | '{') => depth += 1,
            Token::Sign(')' | ']' | '}') if depth == 0 => return at,
            Token::Sign(')' | ']' | '}') => depth -= 1,
            Token::Sign(',' | ';' | '\n') if depth == 0 && at > from => return at,
            Token::Name(name)
                if depth == 0 && at > from && matches!(name.as_str(), "if" | "unless" | "as" | "do") =>
            {
                return at;
            }
            Token::Sign(_) | Token::Name(_) | Token::Text(_) | Token::Command(_) => {}
        }
    }
    tokens.len()
}

/// The places of the elements of a list, or of the arguments of a call, that opens here.
pub(super) fn elements(tokens: &[Token], open: usize) -> Vec<usize> {
    let mut found = Vec::new();
    let mut at = open + 1;
    while at < tokens.len() {
        while tokens.get(at) == Some(&Token::Sign('\n')) {
            at += 1;
        }
        if matches!(tokens.get(at), Some(Token::Sign(')' | ']' | '}')) | None) {
            break;
        }
        found.push(at);
        let mut end = end_of(tokens, at);
        while tokens.get(end) == Some(&Token::Sign('\n')) {
            end += 1;
        }
        if tokens.get(end) != Some(&Token::Sign(',')) {
            break;
        }
        at = end + 1;
    }
    found
}

/// The expressions that a name is set to: where it is assigned, looped over, opened or called with.
pub(super) fn places(code: &Code, name: &str) -> Vec<(usize, usize)> {
    let tokens = &code.tokens;
    let mut found = Vec::new();
    let named = |at: usize, wanted: &str| matches!(tokens.get(at), Some(Token::Name(name)) if name.trim_start_matches('$') == wanted);
    let sign = |at: usize, wanted: char| tokens.get(at) == Some(&Token::Sign(wanted));
    for at in code.places_of(name).iter().copied() {
        if let Some(from) = assigned(tokens, at) {
            match sign(from, '[') || (sign(from, '(') && !closes_before_dot(tokens, from)) {
                true => found.extend(each(tokens, from)),
                false => found.push((from, end_of(tokens, from))),
            }
        }
        // `for a, b in …`, `for (const a of …)`.
        let ahead = (at + 1..tokens.len().min(at + 8)).find(|at| named(*at, "in") || named(*at, "of"));
        let behind = (at.saturating_sub(8)..at).any(|at| named(at, "for"));
        if let Some(over) = ahead.filter(|_| behind) {
            let from = over + 1;
            match sign(from, '[') || sign(from, '(') {
                true => found.extend(each(tokens, from)),
                false => found.push((from, end_of(tokens, from).min(colon(tokens, from)))),
            }
        }
        if at > 1 && named(at - 1, "as") {
            let with = (at.saturating_sub(24)..at).rev().find(|at| named(*at, "with"));
            found.extend(with.map(|with| (with + 1, at - 1)));
        }
        found.extend(each_of(tokens, at));
        found.extend(arguments(code, at));
    }
    found
}

/// Where the `for` stands that goes over an expression; the expression's own place where there is none.
pub(super) fn loop_of(tokens: &[Token], from: usize) -> usize {
    let back = (from.saturating_sub(64)..from).rev();
    let mut line = back.take_while(|at| !matches!(tokens[*at], Token::Sign('\n' | ';')));
    line.find(|at| matches!(&tokens[*at], Token::Name(name) if name == "for"))
        .unwrap_or(from)
}

/// Where the last `for` stands before a place.
pub(super) fn loop_before(tokens: &[Token], at: usize) -> Option<usize> {
    const BACK_MAX: usize = 200;
    (at.saturating_sub(BACK_MAX)..at)
        .rev()
        .find(|at| matches!(&tokens[*at], Token::Name(name) if name == "for"))
}

pub(super) fn in_loop(tokens: &[Token], from: usize) -> bool {
    loop_of(tokens, from) < from
}

fn colon(tokens: &[Token], from: usize) -> usize {
    let rest = tokens.iter().skip(from);
    from + rest
        .take_while(|token| **token != Token::Sign(':') && **token != Token::Sign('\n'))
        .count()
}

/// Whether a bracket belongs to a path that goes on behind it, as in `(a / b).resolve()`.
fn closes_before_dot(tokens: &[Token], open: usize) -> bool {
    let close = end_of(tokens, open + 1);
    elements(tokens, open).len() < 2 || matches!(tokens.get(close + 1), Some(Token::Sign('.' | '/')))
}

fn each(tokens: &[Token], open: usize) -> Vec<(usize, usize)> {
    let starts = elements(tokens, open);
    starts.into_iter().map(|at| (at, end_of(tokens, at))).collect()
}

/// Where the value of `name = …`, `name := …` or `name: Type = …` begins.
fn assigned(tokens: &[Token], at: usize) -> Option<usize> {
    let is = |at: usize, wanted: char| tokens.get(at) == Some(&Token::Sign(wanted));
    let typed = |token: &&Token| {
        matches!(
            token,
            Token::Name(_) | Token::Sign('.' | '[' | ']' | '<' | '>' | '|' | ' ')
        )
    };
    let named = |token: &&Token| matches!(token, Token::Name(_) | Token::Sign(','));
    let first = at == 0 || matches!(tokens[at - 1], Token::Sign('\n' | ';' | '{' | ','));
    let equals = match tokens.get(at + 1)? {
        // One of several names, as in `dir, err := …`.
        Token::Sign(',') if first => {
            let after = at + 1 + tokens[at + 1..].iter().take(8).take_while(named).count();
            if is(after, ':') { after + 1 } else { after }
        }
        Token::Sign('=') => at + 1,
        Token::Sign(':') if is(at + 2, '=') => at + 2,
        Token::Sign(':') => at + 2 + tokens[at + 2..].iter().take(8).take_while(typed).count(),
        _ => return None,
    };
    let more = is(equals + 1, '=') || is(equals + 1, '>');
    (is(equals, '=') && !more).then_some(equals + 1)
}

/// `[…].forEach(name => …)`, `[…].each do |name|`.
fn each_of(tokens: &[Token], at: usize) -> Vec<(usize, usize)> {
    const EACH: &[&str] = &["each", "forEach", "map"];
    let from = at.saturating_sub(4);
    let verb =
        (from..at).find(|at| matches!(&tokens[*at], Token::Name(name) if EACH.contains(&name.as_str())));
    let Some(before) = verb.and_then(|verb| verb.checked_sub(2)) else {
        return Vec::new();
    };
    match &tokens[before] {
        Token::Sign(']') => opening(tokens, before).map_or(Vec::new(), |open| each(tokens, open)),
        Token::Name(_) => vec![(before, before + 1)],
        // `Dir.glob("…").each { |name| … }`.
        Token::Sign(')') => {
            let Some(mut from) = opening(tokens, before) else {
                return Vec::new();
            };
            while from > 0 && matches!(tokens[from - 1], Token::Name(_) | Token::Sign('.')) {
                from -= 1;
            }
            vec![(from, before + 1)]
        }
        Token::Sign(_) | Token::Text(_) | Token::Command(_) => Vec::new(),
    }
}

/// Where the bracket that closes here opens.
pub(super) fn opening(tokens: &[Token], close: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for at in (0..=close).rev() {
        match tokens[at] {
            Token::Sign(')' | ']' | '}') => depth += 1,
            Token::Sign('(' | '[' | '{') => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            Token::Sign(_) | Token::Name(_) | Token::Text(_) | Token::Command(_) => {}
        }
    }
    None
}

/// The bracket that a token stands in, where it is not far before it.
pub(super) fn around(tokens: &[Token], at: usize) -> Option<usize> {
    const BACK_MAX: usize = 64;
    let mut depth = 0_usize;
    (at.saturating_sub(BACK_MAX)..at)
        .rev()
        .find(|at| match tokens[*at] {
            Token::Sign(')' | ']' | '}') => {
                depth += 1;
                false
            }
            Token::Sign('(' | '[' | '{') if depth == 0 => true,
            Token::Sign('(' | '[' | '{') => {
                depth -= 1;
                false
            }
            Token::Sign(_) | Token::Name(_) | Token::Text(_) | Token::Command(_) => false,
        })
}

/// What a function is called with in the place of a name of its own.
fn arguments(code: &Code, at: usize) -> Vec<(usize, usize)> {
    let tokens = &code.tokens;
    const DEFINE: &[&str] = &["def", "fn", "func", "function"];
    // What takes any number of them is no single one.
    if at > 0 && matches!(tokens[at - 1], Token::Sign('*' | '.')) {
        return Vec::new();
    }
    let open = around(tokens, at);
    let Some(open) = open.filter(|open| *open > 1 && tokens[*open] == Token::Sign('(')) else {
        return Vec::new();
    };
    let name = |at: usize| match tokens.get(at) {
        Some(Token::Name(name)) => Some(name.as_str()),
        Some(Token::Text(_) | Token::Command(_) | Token::Sign(_)) | None => None,
    };
    let defined = match (name(open - 2), name(open - 1)) {
        (Some(define), Some(function)) if DEFINE.contains(&define) => Some(function),
        // `const function = (name) =>`.
        _ => {
            let equals = if name(open - 1) == Some("async") {
                open - 2
            } else {
                open - 1
            };
            let is_set = tokens[equals] == Token::Sign('=');
            name(equals.saturating_sub(1)).filter(|_| is_set)
        }
    };
    let Some(function) = defined else {
        return Vec::new();
    };
    let own = |token: &&Token| matches!(token, Token::Sign(','));
    let place = tokens[open..at].iter().filter(own).count();
    let all = code.places_of(function.trim_start_matches('$')).iter().copied();
    let calls = all.filter(|call| tokens.get(call + 1) == Some(&Token::Sign('(')) && call + 1 != open);
    calls
        .filter_map(|call| {
            let from = *elements(tokens, call + 1).get(place)?;
            Some((from, end_of(tokens, from)))
        })
        .collect()
}
