//! `.env`: one `NAME=value` a line. A value is what stands there: nothing is substituted in it, so that a key may
//! hold a `$`. Quotes around a whole value are taken off. A backslash before a sign stands for the sign; before a
//! letter or digit it is an error, because readers of such files differ about it. ` #` begins a comment.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use super::file;
use super::found::distrust;

/// The variables of `.env` in this folder; none where there is no such file.
pub(super) fn read(folder: &Path, problems: &mut Vec<String>) -> BTreeMap<String, OsString> {
    let path = folder.join(".env");
    if let Some(problem) = distrust(&path) {
        problems.push(problem);
        return BTreeMap::new();
    }
    let content = match std::fs::symlink_metadata(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return BTreeMap::new(),
        _ => file::read(&path),
    };
    match content {
        Ok(content) => parse(&path, &content, problems),
        Err(error) => {
            problems.push(format!("cannot read `{}`: {error}", path.display()));
            BTreeMap::new()
        }
    }
}

/// A problem names the line and never quotes it: it may hold a key.
fn parse(path: &Path, content: &[u8], problems: &mut Vec<String>) -> BTreeMap<String, OsString> {
    let mut variables = BTreeMap::new();
    for (number, line) in (1_usize..).zip(content.split(|byte| *byte == b'\n')) {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        match variable(line) {
            Ok((name, value)) => {
                variables.insert(name, value);
            }
            Err(problem) => problems.push(format!("`{}` line {number} {problem}", path.display())),
        }
    }
    variables
}

fn variable(line: &[u8]) -> Result<(String, OsString), &'static str> {
    let line = line
        .strip_prefix(b"export")
        .filter(|rest| rest.first().is_some_and(u8::is_ascii_whitespace))
        .unwrap_or(line);
    let at = line
        .iter()
        .position(|byte| *byte == b'=')
        .ok_or("is not NAME=value")?;
    let (name, value) = line.split_at(at);
    let name = std::str::from_utf8(name.trim_ascii()).map_err(|_| "is not NAME=value")?;
    let is_name = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'));
    if name.is_empty() || !is_name {
        return Err("is not NAME=value");
    }
    let value = value.get(1..).unwrap_or_default().trim_ascii();
    let value = match value.first() {
        Some(quote @ (b'"' | b'\'')) => quoted(value, *quote)?,
        _ => unquoted(value)?,
    };
    file::os_string(value)
        .map(|value| (name.to_owned(), value))
        .ok_or("is not UTF-8")
}

/// The value between quotes; behind it only a comment may stand.
fn quoted(value: &[u8], quote: u8) -> Result<Vec<u8>, &'static str> {
    let mut taken = Vec::with_capacity(value.len());
    let mut bytes = value.iter().copied().skip(1);
    loop {
        match bytes.next().ok_or("has a quote that does not end")? {
            byte if byte == quote => break,
            b'\\' if quote == b'"' => taken.push(escaped(bytes.next())?),
            byte => taken.push(byte),
        }
    }
    let rest: Vec<u8> = bytes.collect();
    let rest = rest.trim_ascii();
    if rest.is_empty() || rest.starts_with(b"#") {
        Ok(taken)
    } else {
        Err("has text behind its quotes")
    }
}

fn unquoted(value: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut taken = Vec::with_capacity(value.len());
    let mut bytes = value.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'#' if taken.last().is_none_or(u8::is_ascii_whitespace) => break,
            b'\\' => taken.push(escaped(bytes.next())?),
            byte => taken.push(byte),
        }
    }
    Ok(taken.trim_ascii_end().to_owned())
}

fn escaped(byte: Option<u8>) -> Result<u8, &'static str> {
    byte.filter(|byte| !byte.is_ascii_alphanumeric())
        .ok_or("has a backslash before a letter or digit, or at its end: put the value into single quotes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_what_stands_there() {
        for (line, value) in [
            ("A=abc$def-ghi", "abc$def-ghi"),
            ("A=${HOME}x", "${HOME}x"),
            ("A=\"abc$def\"", "abc$def"),
            ("A='abc$def'  # mine", "abc$def"),
            ("A='a\\b'", "a\\b"),
            ("A=\"a\\\"b\\$c\"", "a\"b$c"),
            ("A=a\\$b", "a$b"),
            ("export A = a b ", "a b"),
            ("A=a#b # c", "a#b"),
            ("A=it's", "it's"),
            ("A=", ""),
            ("A=b=c==", "b=c=="),
        ] {
            let mut problems = Vec::new();
            let found = parse(Path::new(".env"), line.as_bytes(), &mut problems);
            assert_eq!(
                (found.get("A"), problems.len()),
                (Some(&OsString::from(value)), 0),
                "{line}"
            );
        }
    }

    #[test]
    fn a_line_that_readers_differ_about_is_a_problem_and_never_quoted() {
        for line in [
            "secret",
            "=secret",
            "secret secret=1",
            "A=\"secret",
            "A='secret'x",
            "A=secret\\n",
            "A=secret\\",
        ] {
            let mut problems = Vec::new();
            let found = parse(Path::new(".env"), format!("\r\n{line}").as_bytes(), &mut problems);
            assert!(found.is_empty() && problems.len() == 1, "{line}");
            assert!(
                problems[0].contains("`.env` line 2") && !problems[0].contains("secret"),
                "{problems:?}"
            );
        }
    }
}
