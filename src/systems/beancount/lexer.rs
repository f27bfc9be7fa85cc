//! Ledger text into lines, and lines into words and strings.
//!
//! The one thing that makes this more than splitting is that a string may hold anything: line ends, semicolons
//! and escaped quotes.

use std::borrow::Cow;

use super::text;

/// What some editors put at the head of a file; it says nothing.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// How to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// A user's ledger: what is not understood is passed over.
    Tolerant,
    /// Our own file: what is not understood is a fault.
    Strict,
}

/// What cannot be read, and in which line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// Counted from 1.
    pub(super) line: u32,
    /// What is wrong there.
    pub(super) problem: String,
}

impl Fault {
    pub(super) fn at(line: u32, problem: impl Into<String>) -> Self {
        Self {
            line,
            problem: problem.into(),
        }
    }
}

/// Beancount passes over lines that begin so (headings of org mode, for example).
pub(super) fn is_ignored(content: &str) -> bool {
    content.starts_with(['*', ':', '#', '!', '&', '?', '%', ';'])
}

/// A line of a text; a string may carry it over its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    /// Its number, counted from 1.
    pub(super) number: u32,
    /// Where it begins, in bytes.
    pub(super) at: usize,
    /// What it says.
    pub(super) content: &'a str,
}

/// The lines of a text.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    text: &'a str,
    at: usize,
    number: u32,
    manner: Manner,
}

impl<'a> Lines<'a> {
    pub(super) fn of(text: &'a str, manner: Manner) -> Self {
        Self {
            text,
            at: if text.starts_with(BYTE_ORDER_MARK) {
                BYTE_ORDER_MARK.len_utf8()
            } else {
                0
            },
            number: 1,
            manner,
        }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Result<Line<'a>, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let physical_end = memchr::memchr(b'\n', rest.as_bytes()).unwrap_or(rest.len());
        let logical_end = if is_ignored(rest) {
            Some(physical_end)
        } else {
            logical_end(rest.as_bytes())
        };
        let end = match logical_end {
            Some(end) => end,
            None if self.manner == Manner::Tolerant => physical_end,
            None => {
                self.at = self.text.len();
                return Some(Err(Fault::at(
                    self.number,
                    "a string begins here and does not end",
                )));
            }
        };
        let line = Line {
            number: self.number,
            at: self.at,
            content: rest.get(..end).unwrap_or_default(),
        };
        self.at += end + 1;
        let lines = if end == physical_end {
            1
        } else {
            memchr::memchr_iter(b'\n', line.content.as_bytes()).count() + 1
        };
        self.number = u32::try_from(lines).map_or(u32::MAX, |lines| self.number.saturating_add(lines));
        Some(Ok(line))
    }
}

/// The first line end that no string holds; `None` where a string does not end.
fn logical_end(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let Some(found) = memchr::memchr3(b'\n', b'"', b';', rest) else {
            return Some(text.len());
        };
        match rest.get(found) {
            Some(b'"') => at += found + 1 + string_end(rest.get(found + 1..)?)? + 1,
            Some(b';') => {
                let comment = rest.get(found..).unwrap_or_default();
                return Some(memchr::memchr(b'\n', comment).map_or(text.len(), |end| at + found + end));
            }
            _ => return Some(at + found),
        }
    }
}

/// Where the quote stands that ends a string, whose text begins here.
fn string_end(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        if text.get(at) == Some(&b'"') {
            return Some(at);
        }
        at += 2;
    }
}

/// The words and strings of a line, up to its comment.
#[derive(Debug)]
pub(super) struct Tokens<'a>(&'a str);

#[derive(Clone, Copy, Debug)]
pub(super) enum Token<'a> {
    /// What stands between blanks.
    Word(&'a str),
    /// What stands between the quotes, still escaped.
    Text(&'a str),
}

impl<'a> Token<'a> {
    pub(super) fn into_word(self) -> Option<&'a str> {
        match self {
            Self::Word(word) => Some(word),
            Self::Text(_) => None,
        }
    }
}

impl<'a> Tokens<'a> {
    pub(super) fn of(line: &'a str) -> Self {
        Self(line)
    }

    pub(super) fn word(&mut self) -> Option<&'a str> {
        self.next()?.into_word()
    }

    pub(super) fn text(&mut self) -> Option<Cow<'a, str>> {
        match self.next()? {
            Token::Text(inside) => Some(text::unquoted(inside)),
            Token::Word(_) => None,
        }
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let rest = self.0.trim_ascii_start();
        if rest.is_empty() || rest.starts_with(';') {
            self.0 = "";
            return None;
        }
        if let Some(inside) = rest.strip_prefix('"') {
            let end = string_end(inside.as_bytes()).unwrap_or(inside.len());
            self.0 = inside.get(end + 1..).unwrap_or_default();
            return inside.get(..end).map(Token::Text);
        }
        let ends = |byte: u8| byte.is_ascii_whitespace() || matches!(byte, b'"' | b';');
        let end = rest.bytes().position(ends).unwrap_or(rest.len());
        let (word, rest) = rest.split_at(end);
        self.0 = rest;
        Some(Token::Word(word))
    }
}
