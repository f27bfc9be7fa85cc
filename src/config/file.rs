//! Small files of settings, as they are read and named.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// More bytes than any file of settings has.
const LARGEST: u64 = 16 * 1024 * 1024;

/// Everything in the file, without a byte order mark at its head. Nothing but a regular file is read: a pipe may make us
/// wait for ever.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, String> {
    let metadata = std::fs::metadata(path).map_err(|error| match path.read_link() {
        Ok(target) => format!("it is a link to `{}`: {error}", target.display()),
        Err(_) => error.to_string(),
    })?;
    if metadata.is_dir() {
        return Err("it is a folder".to_owned());
    }
    if !metadata.is_file() {
        return Err("it is no regular file".to_owned());
    }
    if metadata.len() > LARGEST {
        return Err("it is larger than 16 MiB, which no file of settings is".to_owned());
    }
    let mut content = std::fs::read(path).map_err(|error| error.to_string())?;
    if content.starts_with(b"\xef\xbb\xbf") {
        content.drain(..3);
    }
    if content.starts_with(b"\xff\xfe") || content.starts_with(b"\xfe\xff") {
        return Err("it is UTF-16: save it as UTF-8".to_owned());
    }
    Ok(content)
}

/// The same, which must be UTF-8.
pub(super) fn read_text(path: &Path) -> Result<String, String> {
    String::from_utf8(read(path)?).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = 1 + error
            .as_bytes()
            .iter()
            .take(at)
            .filter(|byte| **byte == b'\n')
            .count();
        format!("line {line} is not UTF-8")
    })
}

/// What `~/` stands for, as the variables have it.
pub(super) fn home(variables: &BTreeMap<String, OsString>) -> Option<&Path> {
    let home = variables.get("HOME").map(Path::new);
    // What a relative one means depends on where the program is started.
    home.filter(|home| home.is_absolute())
}

/// A path as a person wrote it: `~/` is the home folder. What a shell would have made something else of is refused.
pub(super) fn path(written: OsString, home: Option<&Path>) -> Result<PathBuf, String> {
    // A file with foreign line ends leaves one at the end of each value.
    if written.as_encoded_bytes().iter().any(u8::is_ascii_control) {
        return Err("has a line break or another control character in it: write the path without".to_owned());
    }
    let written = PathBuf::from(written);
    let first = written.components().next();
    let head = first.map(|component| component.as_os_str().to_string_lossy().into_owned());
    let head = head.unwrap_or_default();
    if head == "~" {
        let home = home.ok_or("begins with ~/, but HOME is not set to a whole path: write the whole path")?;
        return Ok(home.join(written.strip_prefix("~").unwrap_or(&written)));
    }
    match head.chars().next() {
        Some('~') => Err("begins with ~ and a name: write the whole path".to_owned()),
        Some('$') => Err("begins with $, and nothing is substituted here: write the whole path".to_owned()),
        Some('"' | '\'') => Err("begins with a quote: write the path without quotes".to_owned()),
        _ => Ok(written),
    }
}

/// Bytes as the system has them in a variable or path; `None` where the system takes text alone.
#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "other systems take text alone")]
pub(super) fn os_string(bytes: Vec<u8>) -> Option<OsString> {
    Some(std::os::unix::ffi::OsStringExt::from_vec(bytes))
}

/// Bytes as the system has them in a variable or path; `None` where the system takes text alone.
#[cfg(not(unix))]
pub(super) fn os_string(bytes: Vec<u8>) -> Option<OsString> {
    String::from_utf8(bytes).ok().map(OsString::from)
}
