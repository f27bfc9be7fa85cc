//! One request and its answer, as plain values: what the rules of the API work on, free of HTTP machinery.

use axum::http::{HeaderMap, header};
use serde::Serialize;
use serde_json::{Value, json};

use super::fault::Trouble;

/// Which of the two hosts was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Host {
    /// The Export API.
    Api,
    /// The host of receipts.
    Receipts,
}

/// A request in the server's log.
#[derive(Clone, Debug, Serialize)]
pub struct Request {
    /// Its number, from 1, over both hosts.
    pub number: usize,
    /// The host that was asked.
    pub host: Host,
    /// The method, in capitals.
    pub method: String,
    /// The path without query.
    pub path: String,
    /// The query as sent, without question mark; empty when there is none.
    pub query: String,
    /// The JSON body; null when there is none or it is not JSON.
    pub body: Value,
    /// The status answered; `None` while unanswered and when the connection was cut without answer.
    pub status: Option<u16>,
}

/// A request under way, with what only the rules need.
#[derive(Debug)]
pub struct Call {
    /// Its line in the log, still without status.
    pub request: Request,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body as received.
    pub body: Vec<u8>,
    /// What goes wrong with it.
    pub trouble: Option<Trouble>,
    /// The one of several companies that its credential is for; `None` where it is for all.
    pub company: Option<String>,
}

impl Call {
    /// A header's text; `None` when absent or not text.
    pub fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether the client gets to see what the call brought about.
    pub fn is_answered(&self) -> bool {
        let spoils = |trouble: &Trouble| {
            matches!(
                trouble,
                Trouble::LostAnswer
                    | Trouble::StatusAfterEffect(_)
                    | Trouble::TruncatedBody
                    | Trouble::BrokenJson
            )
        };
        !self.trouble.as_ref().is_some_and(spoils)
    }
}

/// What an answer carries.
#[derive(Clone, Debug)]
pub enum Content {
    /// Nothing at all.
    Empty,
    /// A JSON document.
    Json(Value),
    /// Bytes of a content type.
    Bytes(String, Vec<u8>),
}

/// An answer that is still a value, so that a fault can change it.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers, without date, content type and length.
    pub headers: Vec<(header::HeaderName, String)>,
    /// The body.
    pub content: Content,
}

/// Either way an answer; the error side lets a rule end a call early with `?`.
pub type Answered = Result<Answer, Answer>;

impl Answer {
    /// A JSON answer.
    pub fn json(status: u16, body: Value) -> Self {
        Self {
            status,
            headers: Vec::new(),
            content: Content::Json(body),
        }
    }

    /// An answer without body.
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            content: Content::Empty,
        }
    }

    /// An answer of bytes.
    pub fn bytes(status: u16, content_type: &str, bytes: Vec<u8>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            content: Content::Bytes(content_type.to_owned(), bytes),
        }
    }

    /// A refusal as Pleo words them: a machine code and a message.
    pub fn refusal(status: u16, code: &str, message: &str) -> Self {
        Self::json(status, json!({ "type": code, "message": message }))
    }

    /// With one more header.
    pub fn with(mut self, name: header::HeaderName, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// With these bytes as they are, whatever the content type says.
    pub fn with_bytes(mut self, bytes: &[u8]) -> Self {
        let content_type = self
            .headers
            .iter()
            .position(|(name, _)| *name == header::CONTENT_TYPE);
        let content_type = content_type.map(|position| self.headers.remove(position).1);
        self.content = Content::Bytes(content_type.unwrap_or_default(), bytes.to_vec());
        self
    }

    /// Headers, content type among them, and bytes as they go over the wire.
    pub fn into_parts(self) -> (Vec<(header::HeaderName, String)>, Vec<u8>) {
        let mut headers = self.headers;
        let (content_type, bytes) = match self.content {
            Content::Empty => return (headers, Vec::new()),
            Content::Json(value) => (
                "application/json;charset=UTF-8".to_owned(),
                value.to_string().into_bytes(),
            ),
            Content::Bytes(content_type, bytes) => (content_type, bytes),
        };
        headers.push((header::CONTENT_TYPE, content_type));
        (headers, bytes)
    }
}
