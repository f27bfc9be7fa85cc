//! What can go wrong between us and Pleo, one kind for each decision of the caller.
//!
//! Texts name the call by method and path, never by its query, and never hold a credential. Words from outside
//! are shortened and made harmless for a terminal.

use std::fmt;

use crate::host::foreign_text::one_line;
use crate::host::stop::Stopped;
use crate::model::permit::Withheld;

/// How much of a foreign text is shown.
const SHOWN_CHARACTERS: usize = 300;

/// A call to Pleo, as errors and the log name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The HTTP method.
    pub method: &'static str,
    /// The path of the address, without its query.
    pub path: String,
}

impl Call {
    /// Whether it tells Pleo something of a job or of its items.
    pub fn is_update_of_a_job(&self) -> bool {
        self.method != "GET" && self.path.starts_with("/v3/export-job")
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{} {}`", self.method, self.path)
    }
}

/// An answer of Pleo that is no success. Its words are shortened and harmless.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What was asked.
    pub call: Call,
    /// The HTTP status.
    pub status: u16,
    /// Pleo's word for the kind of error, when the answer had one.
    pub error_type: Option<String>,
    /// Pleo's explanation, when the answer had one.
    pub message: Option<String>,
}

impl Answer {
    /// Whether Pleo named the error so. Both spellings of some words were seen, so the case does not count.
    pub(super) fn is_type(&self, word: &str) -> bool {
        self.error_type
            .as_deref()
            .is_some_and(|error_type| error_type.eq_ignore_ascii_case(word))
    }

    /// The error for an answer that rejects (4xx).
    pub(super) fn into_error(self) -> PleoError {
        let answer = self;
        match answer.status {
            401 | 403 => PleoError::CredentialRejected {
                answer,
                kind: CredentialKind::Token,
            },
            // The list of jobs cannot be missing, so there the address is wrong and not a job's id.
            // Pleo's other APIs know no jobs.
            404 if answer.call.path.starts_with("/v3/")
                && answer.call.path != "/v3/export-jobs"
                && (answer.error_type.is_none() || answer.is_type("EXPORT_NOT_FOUND")) =>
            {
                PleoError::NotFound { answer }
            }
            422 if answer.is_type("EXPORT_JOB_STATUS_UNPROCESSABLE") => PleoError::JobFinished { answer },
            422 if answer.is_type("INVALID_EXPORT_JOB_STATUS_CHANGE") => PleoError::StatusConflict { answer },
            400 if answer.is_type("MISSING_CONTRA_ACCOUNTS") => PleoError::MissingContraAccounts {
                message: answer.message.clone().unwrap_or_default(),
                answer,
            },
            _ => PleoError::Rejected { answer },
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} answered {}", self.call, self.status)?;
        if let Some(error_type) = &self.error_type {
            write!(f, " {error_type}")?;
        }
        match &self.message {
            Some(message) => write!(f, " (\"{message}\")"),
            None => Ok(()),
        }
    }
}

/// Where an API key was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// In the variable `PLEO_API_KEY`, of the environment or `.env`.
    Variable,
    /// In the file that `pleo.api_key_file` names.
    File,
}

/// A kind of credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialKind {
    /// An access token.
    Token,
    /// An API key, and where it was found.
    Key(KeyPlace),
}

/// Why a call did not do what it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PleoError {
    /// 401 or 403. Trying again is no use.
    #[error("{answer}: Pleo rejects the credential")]
    CredentialRejected {
        /// What Pleo said.
        answer: Answer,
        /// The kind of the credential.
        kind: CredentialKind,
    },
    /// Pleo does not know the job.
    #[error("{answer}: Pleo does not know the job")]
    NotFound {
        /// What Pleo said.
        answer: Answer,
    },
    /// The job has ended, so its items can be neither read nor updated.
    #[error("{answer}: the job has ended on Pleo's side")]
    JobFinished {
        /// What Pleo said.
        answer: Answer,
    },
    /// The event does not fit the job's status: another instance was first, or the same event was sent before.
    #[error("{answer}: the event does not fit the job's status")]
    StatusConflict {
        /// What Pleo said.
        answer: Answer,
    },
    /// Pleo gives no items before its contra accounts are set.
    #[error("{answer}: contra accounts are missing in Pleo")]
    MissingContraAccounts {
        /// Pleo's own words, which name the currencies; made harmless, may be empty.
        message: String,
        /// What Pleo said.
        answer: Answer,
    },
    /// No answer that counts came within the patience. Surely not done, or safe to do again.
    #[error("{call} got no good answer (tries: {tries}): {cause}")]
    OutOfReach {
        /// What was asked.
        call: Call,
        /// How often.
        tries: u32,
        /// What happened on the last try.
        cause: String,
    },
    /// No request with these settings ever had an answer from Pleo's host, nor had this one: the name, the proxy, the
    /// connection, a certificate or a firewall is wrong. That will not come right by itself.
    #[error("{call} did not get to Pleo (tries: {tries}): {cause}")]
    NeverReached {
        /// What was asked.
        call: Call,
        /// How often.
        tries: u32,
        /// What happened on the last try.
        cause: String,
    },
    /// The request was sent and may have taken effect: read the job to learn.
    #[error("{call} may or may not have taken effect: {cause}")]
    LostAnswer {
        /// What was asked.
        call: Call,
        /// What happened after sending.
        cause: String,
    },
    /// A code was sent, which is good for one use, and the tokens did not come.
    #[error("{call} brought no tokens: {cause}")]
    LostTokens {
        /// What was asked.
        call: Call,
        /// What happened after sending.
        cause: String,
    },
    /// The answer does not follow Pleo's contract.
    #[error("{call} brought an answer outside of Pleo's contract: {problem}")]
    Contract {
        /// What was asked.
        call: Call,
        /// What is wrong with the answer.
        problem: String,
    },
    /// The answer is larger than any is read.
    #[error("{call}: {problem}")]
    TooLarge {
        /// What was asked.
        call: Call,
        /// How large.
        problem: String,
    },
    /// There is no consent of Pleo's that we could use, or it is gone. Trying again is no use.
    #[error("{problem}")]
    Disconnected {
        /// What happened.
        problem: String,
    },
    /// Pleo gave an access token alone, which nobody can renew.
    #[error(
        "Pleo gave an access token without a refresh token, so that the connection would end within minutes"
    )]
    NoRefreshToken,
    /// Pleo's authorization server does not take us for who we say we are. The tokens may be good.
    #[error("{answer}: Pleo rejects the client")]
    ClientRejected {
        /// What Pleo said.
        answer: Answer,
    },
    /// Another process has been at the tokens for too long.
    #[error("{problem}")]
    TokensBusy {
        /// What is known.
        problem: String,
    },
    /// Any other answer that rejects the request.
    #[error("{answer}: Pleo rejects the request")]
    Rejected {
        /// What Pleo said.
        answer: Answer,
    },
    /// The run was asked to stop while it waited to try again.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// This process may not act for the job now; the try that asked was not sent.
    #[error(transparent)]
    Withheld(#[from] Withheld),
    /// Whoever answers has a certificate that is not trusted; nothing was sent. It will be the same next time.
    #[error("{problem}")]
    Untrusted {
        /// What is wrong with it.
        problem: String,
    },
    /// The client cannot work with these settings; nothing was sent.
    #[error("{problem}")]
    Settings {
        /// Which setting, and what it should be.
        problem: String,
    },
}

impl PleoError {
    /// What the reader of the error can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::CredentialRejected { answer, kind } if answer.status == 401 => match kind {
                CredentialKind::Token => {
                    "set PLEO_ACCESS_TOKEN to a token that holds: this one has expired or was never given"
                }
                CredentialKind::Key(KeyPlace::Variable) => {
                    "check the API key in PLEO_API_KEY (environment or `.env`): in Pleo, Settings > API Keys shows whether it has \
                     expired"
                }
                CredentialKind::Key(KeyPlace::File) => {
                    "check the API key in the file of `pleo.api_key_file`: in Pleo, Settings > API Keys shows whether it has expired"
                }
            },
            Self::CredentialRejected { .. } => {
                "give the key the permissions export-jobs:read, export-jobs:write and export-items:read for this company; for \
                 a login, name them in `pleo.oauth.scopes` and log in again"
            }
            Self::NotFound { .. } => {
                "check the job's id, and that `pleo.base_url` is the environment it belongs to"
            }
            Self::JobFinished { .. } | Self::StatusConflict { .. } => {
                "look at the job in Pleo and export what is open again; what is in the books is found there"
            }
            Self::MissingContraAccounts { .. } => {
                "set them in Pleo under Settings > Accounting > Contra accounts, then export again"
            }
            Self::NeverReached { .. } => {
                "check `pleo.base_url`, the proxy (https_proxy, no_proxy) and the firewall between this machine and Pleo: \
                 nothing with these settings has reached Pleo yet"
            }
            Self::Disconnected { .. } => "connect it again: run `pleo-export login`",
            Self::LostTokens { .. } => "run `pleo-export login` again; nothing was kept",
            Self::NoRefreshToken => {
                "ask Pleo to register the application for refresh tokens; nothing was kept"
            }
            Self::ClientRejected { .. } => {
                "check `pleo.oauth.client_id`, the client secret (PLEO_CLIENT_SECRET or `client_secret_file`) and \
                 PLEO_AUTH_URL; the tokens were kept"
            }
            Self::OutOfReach { .. }
            | Self::LostAnswer { .. }
            | Self::TokensBusy { .. }
            | Self::Withheld(_)
            | Self::Stopped(_) => "run again to go on",
            Self::Contract { .. } | Self::TooLarge { .. } => {
                "check that `pleo.base_url` leads to Pleo and that nothing on the way changes answers; report it if so"
            }
            Self::Rejected { answer } if answer.status == 404 => {
                "check `pleo.base_url`: it is Pleo's address alone, such as https://external.pleo.io, without /v3"
            }
            Self::Rejected { answer } if answer.call.is_update_of_a_job() => {
                "ask Pleo's support why; what is decided is kept here, and the next run tells it again"
            }
            Self::Rejected { .. } => "report this, with the log of a run with -vv",
            Self::Settings { .. } | Self::Untrusted { .. } => "correct the settings; nothing was sent",
        }
    }
}

/// A foreign text for people.
pub(super) fn shown(text: &str) -> String {
    one_line(text, SHOWN_CHARACTERS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_names_call_status_words_and_remedy() {
        let answer = Answer {
            call: Call {
                method: "GET",
                path: "/v3/export-jobs/7".into(),
            },
            status: 404,
            error_type: Some("EXPORT_NOT_FOUND".into()),
            message: Some("Export job not found.".into()),
        };
        let error = PleoError::NotFound { answer };
        assert_eq!(
            error.to_string(),
            "`GET /v3/export-jobs/7` answered 404 EXPORT_NOT_FOUND (\"Export job not found.\"): Pleo does not know the job"
        );
        assert!(error.hint().contains("pleo.base_url"));
    }
}
