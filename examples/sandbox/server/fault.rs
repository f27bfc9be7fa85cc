//! Faults on demand: what goes wrong, on which requests, and how often. This file only describes and matches; `damage`
//! carries out what can be done to an answer, and the rules look at [`Trouble`] for what changes their effect.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::exchange::Request;

/// What a 429 says about when to come back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryAfter {
    /// Nothing.
    Unsaid,
    /// A number of seconds.
    Seconds(u64),
    /// An HTTP date so many seconds from the server's present.
    Date(u64),
    /// Text that is neither, sent as it stands.
    Text(String),
}

/// What goes wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// This status instead of any effect.
    Status(u16),
    /// 429 instead of any effect.
    RateLimit(RetryAfter),
    /// The effect is had, then this status.
    StatusAfterEffect(u16),
    /// The connection is reset before any effect.
    ResetBeforeEffect,
    /// The effect is had, then the connection is cut without an answer.
    LostAnswer,
    /// The effect is had, the answer stops half-way.
    TruncatedBody,
    /// 200 with an HTML page instead of any effect.
    HtmlPage,
    /// The effect is had, the answer is not quite JSON.
    BrokenJson,
    /// The effect is had, the answer comes so many milliseconds later (at most a minute).
    SlowMilliseconds(u64),
    /// A redirect to this address instead of any effect.
    Redirect(String),
    /// 200 with 64 MiB of JSON that is mostly blanks, instead of any effect.
    HugeBody,
    /// Items of an update that are refused, with the type of the error; the others have their effect.
    RefusedItems {
        /// Accounting entry ids; empty means every item of the update.
        entries: Vec<String>,
        /// Type of the error.
        error_type: String,
    },
    /// The page says that there is more and gives the cursor that led to it.
    RepeatedCursor,
    /// The page says that there is more and gives no cursor.
    MissingCursor,
    /// The list starts again at its end, with new cursors for ever; arm it for all requests.
    EndlessPages,
    /// The control layer shows final items as they were before their end: a copy that lags behind.
    StaleItems,
    /// The last item of the page before comes once more; on a first page, the first item comes twice.
    ItemTwice,
    /// Jobs claim this number of items.
    WrongCount(u64),
    /// Jobs have these fields instead of their own.
    JobSays(serde_json::Map<String, Value>),
    /// 400 on the data layer for want of contra accounts in these currencies.
    MissingContraAccounts(Vec<String>),
    /// The event is answered 202 and applied only when the job has been read so many times; `None` is never.
    LateEvent(Option<u32>),
    /// A receipt with this content type.
    ContentType(String),
    /// A receipt with as many blanks behind it as it has bytes, and no length announced.
    LongerThanAnnounced,
    /// A receipt that goes on for 64 MiB, no length announced.
    Endless,
    /// A receipt of which only the first half is sent, as if that were all.
    CutShort,
    /// Wherever the job or item of this id stands, another value at this JSON pointer.
    OddValue {
        /// A job's id or an accounting entry id.
        id: String,
        /// Where in the object.
        pointer: String,
        /// What stands there; nothing when absent.
        value: Option<Value>,
    },
    /// The effect is had, the answer lacks this field at its top.
    WithoutField(String),
    /// The effect is had, these bytes of the answer's body are others, wherever they stand.
    OddBytes {
        /// Text of the proper answer.
        from: String,
        /// What stands there.
        to: Vec<u8>,
    },
    /// The effect is had, the answer has this header, if need be in the place of its own.
    OddHeader(String, String),
    /// This status with a page of this content type and text, instead of any effect: a firewall's words, for example.
    Page(u16, String, String),
}

/// How much an endless or huge answer sends before it ends after all.
pub const ENDLESS_BYTES: usize = 64 * 1024 * 1024;

impl Trouble {
    /// A slow answer.
    pub fn slow(delay: Duration) -> Self {
        Self::SlowMilliseconds(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX))
    }

    /// The only requests on which this trouble makes sense, where there is just one kind of them.
    fn natural_target(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::RefusedItems { .. } => Some(("PUT", "/v3/export-jobs/*/items")),
            Self::StaleItems => Some(("GET", "/v3/export-jobs/*/items")),
            Self::ItemTwice | Self::MissingContraAccounts(_) => Some(("GET", "/v3/export-items")),
            Self::LateEvent(_) => Some(("POST", "/v3/export-job-events")),
            Self::ContentType(_) | Self::LongerThanAnnounced | Self::Endless | Self::CutShort => {
                Some(("GET", "/receipts/**"))
            }
            _ => None,
        }
    }
}

/// A trouble with the requests that it befalls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What goes wrong.
    pub trouble: Trouble,
    /// Method to match; any when absent.
    #[serde(default)]
    pub method: Option<String>,
    /// Path to match: `*` stands for one segment, a final `**` for the rest; any when absent.
    #[serde(default)]
    pub path: Option<String>,
    /// The first matching request that it befalls, counted from 1 once the fault is set.
    #[serde(default = "one")]
    pub nth: usize,
    /// How many matching requests it befalls from there on; 0 is all.
    #[serde(default = "one")]
    pub times: usize,
}

fn one() -> usize {
    1
}

impl Fault {
    /// Befalls the next request, once. A trouble that concerns one endpoint alone waits for that.
    pub fn new(trouble: Trouble) -> Self {
        Self {
            trouble,
            method: None,
            path: None,
            nth: 1,
            times: 1,
        }
    }

    /// Only requests of this method and path pattern (`*` stands for one segment, a final `**` for the rest).
    pub fn on(mut self, method: &str, path: &str) -> Self {
        self.method = Some(method.to_owned());
        self.path = Some(path.to_owned());
        self
    }

    /// Begins at the n-th matching request, counted from 1.
    pub fn at(mut self, nth: usize) -> Self {
        self.nth = nth;
        self
    }

    /// Befalls so many matching requests.
    pub fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    /// Befalls every matching request from the first on.
    pub fn always(self) -> Self {
        self.times(0)
    }

    fn matches(&self, request: &Request) -> bool {
        let natural = self.trouble.natural_target();
        let method = self.method.as_deref().or(natural.map(|(method, _)| method));
        let path = self.path.as_deref().or(natural.map(|(_, path)| path));
        method.is_none_or(|method| method == request.method)
            && path.is_none_or(|path| path_matches(path, &request.path))
    }
}

/// A fault in place, with the requests it has met.
#[derive(Clone, Debug)]
pub struct ArmedFault {
    fault: Fault,
    met: usize,
}

impl ArmedFault {
    /// Puts a fault in place.
    pub fn new(fault: Fault) -> Self {
        Self { fault, met: 0 }
    }

    /// The trouble for this request, if it is the fault's turn. Every matching request counts.
    pub fn meet(&mut self, request: &Request) -> Option<&Trouble> {
        if !self.fault.matches(request) {
            return None;
        }
        self.met += 1;
        let begins = self.met >= self.fault.nth;
        let lasts = self.fault.times == 0 || self.met < self.fault.nth + self.fault.times;
        (begins && lasts).then_some(&self.fault.trouble)
    }
}

fn path_matches(pattern: &str, path: &str) -> bool {
    let mut segments = path.split('/');
    for expected in pattern.split('/') {
        if expected == "**" {
            return true;
        }
        match segments.next() {
            Some(segment) if expected == "*" || expected == segment => {}
            _ => return false,
        }
    }
    segments.next().is_none()
}
