//! A request to Pleo as a value. One that writes about a job cannot be made without a permit.

use super::error::{Call, PleoError, shown};
use super::retry::Method;
use crate::model::permit::{Permit, Withheld};

/// One request.
#[derive(Debug)]
pub(super) struct Request<'a> {
    pub(super) action: Action<'a>,
    pub(super) segments: &'a [&'a str],
    pub(super) query: &'a [(&'a str, &'a str)],
}

/// How often something is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asked {
    /// For as long as settings say.
    Patiently,
    /// What might come right in a moment is an error.
    Once,
}

/// What a request does. One that writes about a job needs a permit.
#[derive(Debug)]
pub(super) enum Action<'a> {
    /// Reads.
    Read,
    /// Reads by a POST, since what is asked for stands in its body.
    Search(String),
    /// Sets this; the same twice is the same.
    Set(String, &'a Permit),
    /// Tells of this event; the same twice is not the same.
    Tell(String, &'a Permit),
    /// Makes something new that is about no job; the same twice is two of them. Without a body where this is empty.
    Create(String),
    /// Takes away something that is about no job; the same twice is the same.
    Delete,
}

impl Action<'_> {
    pub(super) const fn method(&self) -> Method {
        match self {
            Self::Read => Method::Get,
            Self::Search(_) => Method::Search,
            Self::Set(..) => Method::Put,
            Self::Tell(..) => Method::Post,
            Self::Create(_) => Method::Create,
            Self::Delete => Method::Delete,
        }
    }

    pub(super) fn body(&self) -> Option<&str> {
        match self {
            Self::Read | Self::Delete => None,
            Self::Create(body) if body.is_empty() => None,
            Self::Search(body) | Self::Set(body, _) | Self::Tell(body, _) | Self::Create(body) => Some(body),
        }
    }

    /// Asks whether it may be done now.
    pub(super) fn ask(&self) -> Result<(), Withheld> {
        match self {
            Self::Read | Self::Search(_) | Self::Create(_) | Self::Delete => Ok(()),
            Self::Set(_, permit) | Self::Tell(_, permit) => permit.ask(),
        }
    }
}

impl<'a> Request<'a> {
    /// One that reads.
    pub(super) const fn reading(segments: &'a [&'a str], query: &'a [(&'a str, &'a str)]) -> Self {
        Self {
            action: Action::Read,
            segments,
            query,
        }
    }
}

impl Request<'_> {
    /// How errors and the log name it.
    pub(super) fn call(&self) -> Call {
        Call {
            method: self.action.method().as_str(),
            path: shown(&format!("/{}", self.segments.join("/"))),
        }
    }

    /// The error for an answer that cannot be read.
    pub(super) fn contract(&self, problem: &dyn std::fmt::Display) -> PleoError {
        PleoError::Contract {
            call: self.call(),
            problem: problem.to_string(),
        }
    }
}

impl Method {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Put => "PUT",
            Self::Post | Self::Create | Self::Search => "POST",
            Self::Delete => "DELETE",
        }
    }

    pub(super) const fn for_http(self) -> reqwest::Method {
        match self {
            Self::Get => reqwest::Method::GET,
            Self::Put => reqwest::Method::PUT,
            Self::Post | Self::Create | Self::Search => reqwest::Method::POST,
            Self::Delete => reqwest::Method::DELETE,
        }
    }
}
