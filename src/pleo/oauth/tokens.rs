//! The file of tokens: JSON for its owner alone, written aside, synced and renamed, so that it holds one whole pair at
//! any moment. Beside it lies a lock, which is never deleted: who renews the pair holds it.
//!
//! Errors never quote what the file holds.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};
use thiserror::Error;

use crate::host::clock;
use crate::host::files::{self, Action, FileError, PartFile};
use crate::host::kill;
use crate::host::lock_file::{self, LockError};
use crate::host::ownership::{self, Exposure};
use crate::host::stop::Stop;
use crate::model::ids::CompanyId;

/// More than any file of tokens has, in bytes.
const LARGEST_FILE: u64 = 64 * 1024;

/// As much room as is taken on the disk before the old pair is given up, in bytes.
const ROOM: usize = 16 * 1024;

/// How a file of tokens begins, also where its end is lost.
const BEGINS: &[u8] = b"{\"access_token\":";

/// Where something else stands.
const NO_TOKENS: &str =
    "it is no file of tokens: name another one as `pleo.oauth.token_file`, or move this one away";

/// A pair of tokens, and for what it is good.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// Shown with each request.
    pub access: SecretString,
    /// Good for one refresh.
    pub refresh: SecretString,
    /// Until when the access token is good, by our clock.
    pub expires_at: DateTime<Utc>,
    /// The company that was consented for; `None` while a login is not finished.
    pub company_id: Option<CompanyId>,
    /// The host of the API.
    pub host: String,
    /// What was consented to, separated by blanks; empty where it is not known.
    pub scope: String,
    /// When Pleo rejected the refresh token, after which it is never sent again.
    pub refused_at: Option<DateTime<Utc>>,
}

/// Why there are no tokens to be had from the file.
#[derive(Debug, Error)]
pub enum TokensError {
    /// Nobody has logged in.
    #[error("there are no tokens in `{0}`")]
    Absent(String),
    /// Where they are shared cannot be asked now.
    #[error("{0}")]
    OutOfReach(String),
    /// Where they are shared, something is wrong that does not pass by itself.
    #[error("{0}")]
    Unreadable(String),
    /// What is there cannot be used, though it may be good.
    #[error("the tokens in `{}` cannot be used: {problem}", path.display())]
    Unusable {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        problem: String,
    },
    /// What is there was tokens, and nothing will make it good again.
    #[error("the tokens in `{}` cannot be used: {problem}", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

/// Reads the file. It must be the user's own, and readable for nobody else.
pub fn read(path: &Path) -> Result<Tokens, TokensError> {
    let unusable = |problem: String| TokensError::Unusable {
        path: path.to_owned(),
        problem,
    };
    let metadata = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(TokensError::Absent(path.display().to_string()));
        }
        other => other.map_err(|error| unusable(error.to_string()))?,
    };
    if !metadata.is_symlink() && (!metadata.is_file() || metadata.len() > LARGEST_FILE) {
        return Err(unusable(NO_TOKENS.to_owned()));
    }
    match ownership::exposure(path) {
        None => {}
        Some(Exposure::OthersCanRead) => {
            return Err(unusable(format!(
                "other users can read it: run  chmod 600 {}  and, if it may have been read, `pleo-export login`",
                path.display()
            )));
        }
        Some(other) => return Err(unusable(other.to_string())),
    }
    let content = fs::read(path).map_err(|error| unusable(error.to_string()))?;
    parse(&content).map_err(|problem| {
        if is_of_tokens(&content) {
            let path = path.to_owned();
            TokensError::Damaged { path, problem }
        } else {
            unusable(format!("{problem}: {NO_TOKENS}"))
        }
    })
}

/// Refuses to replace or to remove a file that is none of tokens: whoever named it as one was mistaken.
pub(super) fn refuse_other(path: &Path) -> Result<(), FileError> {
    files::refuse_link(path)?;
    let metadata = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        other => other.map_err(FileError::at(Action::LookAt, path))?,
    };
    let is_ours = metadata.is_file()
        && metadata.len() <= LARGEST_FILE
        && is_of_tokens(&fs::read(path).map_err(FileError::at(Action::Read, path))?);
    if is_ours {
        return Ok(());
    }
    Err(FileError::at(Action::Use, path)(std::io::Error::other(NO_TOKENS)))
}

/// Whether a login wrote this, whole or damaged, or nobody wrote anything yet.
fn is_of_tokens(content: &[u8]) -> bool {
    let content = content.trim_ascii();
    let fields = serde_json::from_slice::<Map<String, Value>>(content).unwrap_or_default();
    content.is_empty() || content.starts_with(BEGINS) || fields.contains_key("access_token")
}

fn parse(content: &[u8]) -> Result<Tokens, String> {
    let value: Value = serde_json::from_slice(content).map_err(|_| "it is no JSON")?;
    let fields = value.as_object().ok_or("it is no JSON object")?;
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    let token = |name: &str| match text(name) {
        Some(token) if is_token(token) => Ok(SecretString::from(token)),
        _ => Err(format!("`{name}` is missing or no token")),
    };
    let moment = |name: &str| {
        let moment = text(name).and_then(|text| DateTime::parse_from_rfc3339(text).ok());
        moment.map(|moment| moment.to_utc())
    };
    let company_id = match fields.get("company_id") {
        None | Some(Value::Null) => None,
        Some(_) => Some(
            text("company_id")
                .and_then(|id| id.parse().ok())
                .ok_or("`company_id` is no UUID")?,
        ),
    };
    // Any other value than null says that it was refused, though not when.
    let refused = fields.get("refused_at").is_some_and(|value| !value.is_null());
    Ok(Tokens {
        access: token("access_token")?,
        refresh: token("refresh_token")?,
        expires_at: moment("expires_at").ok_or("`expires_at` is missing or no time")?,
        company_id,
        host: text("host").ok_or("`host` is missing")?.to_owned(),
        scope: text("scope").unwrap_or_default().to_owned(),
        refused_at: refused.then(|| moment("refused_at").unwrap_or_default()),
    })
}

/// Whether a text can travel in a header.
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

impl Tokens {
    fn to_json(&self) -> Vec<u8> {
        let mut fields = Map::new();
        let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
        put("access_token", json!(self.access.expose_secret()));
        put("refresh_token", json!(self.refresh.expose_secret()));
        put("expires_at", json!(clock::text(self.expires_at)));
        put(
            "company_id",
            json!(self.company_id.as_ref().map(CompanyId::as_str)),
        );
        put("host", json!(self.host));
        put("scope", json!(self.scope));
        if let Some(refused_at) = self.refused_at {
            put("refused_at", json!(clock::text(refused_at)));
        }
        let mut json = Value::Object(fields).to_string();
        json.push('\n');
        json.into_bytes()
    }
}

/// The right to renew or replace the tokens, until it is dropped or the process ends.
#[derive(Debug)]
pub(super) struct TokensLock {
    path: PathBuf,
    _file: File,
}

impl TokensLock {
    /// Waits for the lock of this file of tokens, in whose folder it lies.
    pub(super) fn acquire(path: &Path, patience: Duration, stop: &Stop) -> Result<Self, LockError> {
        let file = lock_file::acquire(path, patience, stop)?;
        let lock = Self {
            path: path.to_owned(),
            _file: file,
        };
        lock.end_what_was_begun()?;
        Ok(lock)
    }

    /// Whoever was killed between Pleo's answer and the file's name left a part of it. Where it holds a whole pair of a
    /// company, the file's own was given up for it, so it gets the file's name now. Any other part goes: a login that does not
    /// know its company yet has not replaced anything, and a file that is newer than the part was put there by somebody
    /// who means it.
    fn end_what_was_begun(&self) -> Result<(), FileError> {
        let part = files::part_of(&self.path);
        let changed = |path: &Path| fs::symlink_metadata(path).and_then(|metadata| metadata.modified());
        let is_whole = read(&part).is_ok_and(|tokens| tokens.company_id.is_some());
        let is_newer = match (changed(&self.path), changed(&part)) {
            (Ok(file), Ok(part)) => file < part,
            _ => false,
        };
        if is_whole && is_newer {
            tracing::info!("found the tokens that a killed process was about to keep");
            refuse_other(&self.path)?;
            return files::keep_part(&self.path);
        }
        files::remove_part(&part)
    }

    /// Takes room on the disk for new tokens. What may fail about writing fails here, while the old pair is still good.
    pub(super) fn room(&self) -> Result<Room<'_>, FileError> {
        refuse_other(&self.path)?;
        let mut part = PartFile::only(&self.path)?;
        part.file
            .write_all(&[b' '; ROOM])
            .and_then(|()| part.file.sync_all())
            .map_err(FileError::at(Action::Write, &part.path))?;
        kill::point("room for tokens");
        Ok(Room { lock: self, part })
    }
}

/// Sees to tokens that a killed process left aside, unless another process holds their lock.
pub(super) fn sweep(path: &Path, stop: &Stop) {
    if files::part_of(path).exists()
        && let Err(error) = TokensLock::acquire(path, Duration::ZERO, stop)
    {
        tracing::debug!("what a killed process may have left beside the tokens stays for now: {error}");
    }
}

/// Room on the disk for a pair of tokens.
#[derive(Debug)]
pub(super) struct Room<'a> {
    lock: &'a TokensLock,
    part: PartFile,
}

impl Room<'_> {
    /// Puts the tokens there and gives them the file's name. Once this returns they survive a power cut.
    pub(super) fn fill(mut self, tokens: &Tokens) -> Result<(), FileError> {
        use std::io::{Seek, SeekFrom};
        let content = tokens.to_json();
        let length = u64::try_from(content.len()).unwrap_or(u64::MAX);
        let file = &mut self.part.file;
        file.seek(SeekFrom::Start(0))
            .and_then(|_| file.write_all(&content))
            .and_then(|()| file.set_len(length))
            .map_err(FileError::at(Action::Write, &self.part.path))?;
        kill::point("tokens written");
        self.part.keep_as(&self.lock.path)
    }
}

/// Takes the tokens away; the lock stays. Answers whether there were some.
pub(super) fn remove(lock: &TokensLock) -> Result<bool, FileError> {
    refuse_other(&lock.path)?;
    match fs::remove_file(&lock.path) {
        Ok(()) => files::sync_folder(folder_of(&lock.path)).map(|()| true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(FileError::at(Action::Remove, &lock.path)(error)),
    }
}

pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"{"access_token":"a-secret","refresh_token":"r-secret","expires_at":"2026-11-26T02:00:00Z",
        "company_id":"2b1f7c1e-6a0d-4c3e-9f57-0c8f0a4f7d11","host":"external.example"}"#;

    #[test]
    fn what_is_written_is_read_back() {
        let tokens = parse(WHOLE.as_bytes()).unwrap();
        assert_eq!((tokens.refused_at, tokens.scope.as_str()), (None, ""));
        let marked = Tokens {
            refused_at: Some(tokens.expires_at),
            scope: "x:read".into(),
            ..tokens
        };
        let again = parse(&marked.to_json()).unwrap();
        assert_eq!(again.access.expose_secret(), "a-secret");
        assert_eq!(again.refresh.expose_secret(), "r-secret");
        assert_eq!(
            (again.refused_at, again.company_id),
            (marked.refused_at, marked.company_id)
        );
        assert_eq!(
            (again.expires_at, again.host, again.scope),
            (marked.expires_at, marked.host, marked.scope)
        );
    }

    #[test]
    fn what_cannot_be_read_is_named_and_never_quoted() {
        for (from, to) in [
            ("\"a-secret\"", "[\"a-secret\"]"),
            ("a-secret", "a-sec ret"),
            ("r-secret", ""),
            ("refresh_token", "other_secret"),
            ("2026-11-26T02:00:00Z", "secret"),
            ("2b1f7c1e", "secret"),
            ("{", "secret"),
            (",", ", \"secret\": secret,"),
        ] {
            let problem = parse(WHOLE.replacen(from, to, 1).as_bytes()).unwrap_err();
            assert!(!problem.contains("secret"), "{problem}");
        }
        let odd = WHOLE.replacen('{', r#"{"refused_at":"long ago","more":1,"#, 1);
        assert!(parse(odd.as_bytes()).unwrap().refused_at.is_some());
    }
}
