//! Subscriptions of ours and the secrets that sign their deliveries, in a file of their own beside the checkpoint, for its
//! owner alone. Several may stand there while an address or a secret is being replaced.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::host::files::{self, Action, FileError, PartFile};
use crate::host::kill;
use crate::host::lock_file::{self, LockError};
use crate::host::ownership::{self, Exposure};
use crate::host::stop::Stop;
use crate::model::ids::CompanyId;

/// What is behind the checkpoint's name in that of the file.
const ENDING: &str = ".webhook.json";

/// Where the file of a checkpoint is.
pub fn path(checkpoint: &Path) -> PathBuf {
    files::beside(checkpoint, ENDING)
}

/// Whose subscriptions they are, and at which Pleo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The company.
    pub company_id: CompanyId,
    /// The host of Pleo's API.
    pub host: String,
}

/// A subscription of ours.
#[derive(Clone, Debug)]
pub struct KeptSubscription {
    /// Pleo's id.
    pub id: String,
    /// Where its deliveries go.
    pub url: String,
    /// What signs them, as Pleo writes it.
    pub secret: SecretString,
}

/// Why the file cannot be used.
#[derive(Debug, Error)]
pub enum KeptError {
    /// It cannot be read or written.
    #[error(transparent)]
    Io(#[from] FileError),
    /// Others may know or have chosen the secrets.
    #[error("`{}` cannot be trusted: {exposure}", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Who may know it, and how.
        exposure: Exposure,
    },
    /// It is not what `subscribe` writes.
    #[error("`{}` is not a file of subscriptions: {problem}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// It is another company's, or of another Pleo.
    #[error("`{}` is of company {company_id} at {host}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        company_id: String,
        /// Of which Pleo.
        host: String,
    },
}

impl KeptError {
    /// What helps.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Foreign { .. } => {
                "give each company and each Pleo a checkpoint of its own (`checkpoint.path`)"
            }
            Self::Exposed { .. } => {
                "let it be a file of this user alone (chmod 600); if others may have read it, remove the subscription with \
                 `pleo-export subscribe --remove ID` and subscribe anew, since Pleo keeps a subscription's secret"
            }
            Self::Io(_) => "make it readable and writable for this user alone",
            Self::Malformed { .. } => "move it aside, then run `pleo-export subscribe URL` once more",
        }
    }
}

/// The file as it is written.
#[derive(Serialize, Deserialize)]
struct Document {
    company_id: String,
    host: String,
    subscriptions: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    id: String,
    url: String,
    secret: String,
}

/// The right to change the file, from reading it to writing it.
pub fn lock(path: &Path, patience: Duration, stop: &Stop) -> Result<File, LockError> {
    if let Some(folder) = path.parent() {
        files::make_folder(folder)?;
    }
    let lock = lock_file::acquire(path, patience, stop)?;
    // Whoever was killed while writing left secrets aside.
    files::remove_part(&files::part_of(path))?;
    Ok(lock)
}

/// The subscriptions of the file; none where it is not there.
pub fn read(path: &Path, owner: &Owner) -> Result<Vec<KeptSubscription>, KeptError> {
    if let Some(exposure) = ownership::exposure(path) {
        return Err(KeptError::Exposed {
            path: path.to_owned(),
            exposure,
        });
    }
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(FileError::at(Action::Read, path)(error).into()),
    };
    let document: Document = serde_json::from_slice(&text).map_err(|error| KeptError::Malformed {
        path: path.to_owned(),
        // Its words would show a part of a secret.
        problem: format!("line {}, column {}", error.line(), error.column()),
    })?;
    let is_ours = document
        .company_id
        .eq_ignore_ascii_case(owner.company_id.as_str())
        && document.host.eq_ignore_ascii_case(&owner.host);
    if !is_ours {
        return Err(KeptError::Foreign {
            path: path.to_owned(),
            company_id: document.company_id,
            host: document.host,
        });
    }
    let entries = document.subscriptions.into_iter();
    Ok(entries
        .map(|entry| KeptSubscription {
            id: entry.id,
            url: entry.url,
            secret: SecretString::from(entry.secret),
        })
        .collect())
}

/// Puts these subscriptions into the file, in the place of all others. It is there whole or not at all. Whoever writes holds
/// the [`lock`].
pub fn write(path: &Path, owner: &Owner, subscriptions: &[KeptSubscription]) -> Result<(), KeptError> {
    let document = Document {
        company_id: owner.company_id.as_str().to_owned(),
        host: owner.host.clone(),
        subscriptions: subscriptions
            .iter()
            .map(|subscription| Entry {
                id: subscription.id.clone(),
                url: subscription.url.clone(),
                secret: subscription.secret.expose_secret().to_owned(),
            })
            .collect(),
    };
    let text = serde_json::to_vec_pretty(&document).map_err(|error| KeptError::Malformed {
        path: path.to_owned(),
        problem: error.to_string(),
    })?;
    let mut part = PartFile::only(path)?;
    part.file
        .write_all(&text)
        .map_err(FileError::at(Action::Write, &part.path))?;
    kill::point("subscriptions written");
    Ok(part.keep_as(path)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_private_and_of_one_company_and_host() {
        let folder = tempfile::tempdir().unwrap();
        let path = path(&folder.path().join("state/pleo.sqlite3"));
        let owner = |company: &str, host: &str| Owner {
            company_id: CompanyId::new(company.to_owned()),
            host: host.to_owned(),
        };
        let ours = owner("a", "pleo");
        assert!(read(&path, &ours).unwrap().is_empty());
        let _lock = lock(&path, Duration::ZERO, &Stop::new()).unwrap();
        let kept = KeptSubscription {
            id: "1".into(),
            url: "https://example.com".into(),
            secret: SecretString::from("whsec_AAAA"),
        };
        write(&path, &ours, &[kept]).unwrap();
        let read_back = read(&path, &owner("A", "PLEO")).unwrap();
        assert_eq!(read_back[0].secret.expose_secret(), "whsec_AAAA");
        assert!(!format!("{read_back:?}").contains("AAAA"));
        for other in [owner("b", "pleo"), owner("a", "staging")] {
            assert!(matches!(read(&path, &other), Err(KeptError::Foreign { .. })));
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(
                std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                0o600
            );
        }
        std::fs::write(&path, r#"{"secret": "whsec_AAAA"}"#).unwrap();
        let error = read(&path, &ours).unwrap_err();
        assert!(!error.to_string().contains("AAAA"), "{error}");
    }
}
