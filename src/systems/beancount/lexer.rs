//! Ledger text into lines, and lines into words and strings.
//!
//! The one thing that makes this more than splitting is that a string may hold anything: line ends, semicolons
//! and escaped quotes.

use std::borrow::Cow;

use super::text;

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

/// The lines of a text, each with its number; a string may carry a line over its end.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    text: &'a str,
    line: u32,
    manner: Manner,
}

impl<'a> Lines<'a> {
    pub(super) fn of(text: &'a str, manner: Manner) -> Self {
        Self {
            text,
            line: 0,
            manner,
        }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Result<(u32, &'a str), Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.text.is_empty() {
            return None;
        }
        let first = self.line.saturating_add(1);
        let physical_end = line_end(self.text, 0);
        let (mut end, mut lines) = (physical_end, 1);
        let mut quotes = Quotes::default();
        if !is_ignored(self.text) {
            quotes.pass_over(self.text.get(..end).unwrap_or_default());
        }
        while quotes.is_open && end < self.text.len() {
            let next_end = line_end(self.text, end + 1);
            quotes.pass_over(self.text.get(end..next_end).unwrap_or_default());
            end = next_end;
            lines += 1;
        }
        if quotes.is_open {
            if self.manner == Manner::Strict {
                self.text = "";
                return Some(Err(Fault::at(first, "a string begins here and does not end")));
            }
            (end, lines) = (physical_end, 1);
        }
        let content = self.text.get(..end).unwrap_or_default();
        self.text = self.text.get(end + 1..).unwrap_or_default();
        self.line = self.line.saturating_add(lines);
        Some(Ok((first, content)))
    }
}

fn line_end(text: &str, from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    rest.find('\n').map_or(text.len(), |at| from + at)
}

/// Whether a string is open at some place of the text.
#[derive(Default)]
struct Quotes {
    is_open: bool,
    is_escaped: bool,
    in_comment: bool,
}

impl Quotes {
    fn pass_over(&mut self, text: &str) {
        if !self.is_open && !text.contains('"') {
            return;
        }
        for byte in text.bytes() {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' if self.is_open => self.is_escaped = true,
                b'"' if !self.in_comment => self.is_open = !self.is_open,
                b';' if !self.is_open => self.in_comment = true,
                _ => {}
            }
        }
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
            let mut escaped = false;
            let end = inside.bytes().position(|byte| {
                let closes = byte == b'"' && !escaped;
                escaped = byte == b'\\' && !escaped;
                closes
            });
            let end = end.unwrap_or(inside.len());
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
