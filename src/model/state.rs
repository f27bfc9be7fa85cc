//! Where a job and an item stand on our side, and the only ways from one state to the next.
//!
//! The live run, a resumed run and the checkpoint's reader all go through [`ItemState::next`] and
//! [`JobState::next`], so a damaged checkpoint is an error that names the state, never a guess.

use thiserror::Error;

/// A step that cannot follow from where the thing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("`{event}` cannot follow `{state}`")]
pub struct IllegalTransition {
    /// Where it stands.
    pub state: &'static str,
    /// What was to happen.
    pub event: &'static str,
}

/// Where an item of a job stands on our side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ItemState {
    /// Known from the control layer.
    Listed,
    /// Its payload is stored.
    Loaded,
    /// The intent to book it is committed: from here on it may be in the books, unless the intent is withdrawn.
    Intended,
    /// It has a verdict and no intent ever was committed: nothing of it was booked by us.
    Declined(Report),
    /// It has a verdict, reached after the intent.
    Settled(Report),
    /// Pleo had a final status for it that is not from us. It is not touched as long as Pleo shows that.
    Foreign,
}

/// Whether Pleo knows a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Report {
    /// Not yet told, or not known whether it arrived.
    Unsent,
    /// Pleo has it.
    Accepted,
    /// Pleo rejected it.
    Rejected,
}

/// What can happen to an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ItemEvent {
    /// Its payload was stored (again).
    Load,
    /// The intent to book it was committed.
    Intend,
    /// The intent is taken back: it is known that nothing was sent.
    Withdraw,
    /// A verdict was reached.
    Decide,
    /// A new process begins: the verdict of an earlier one must be proven afresh before it is sent, and what another instance
    /// had finished is worked on where Pleo shows it as open again.
    Reopen,
    /// Pleo took the verdict, or has the same final status.
    Accept,
    /// Pleo rejected the verdict.
    Reject,
    /// Pleo has a final status that is not our verdict.
    SeenFinal,
    /// Pleo took the verdict, and shows the item as open all the same.
    SeenOpen,
}

impl ItemState {
    /// The state after `event`.
    pub const fn next(self, event: ItemEvent) -> Result<Self, IllegalTransition> {
        use ItemEvent as E;
        use Report::{Accepted, Rejected, Unsent};
        Ok(match (self, event) {
            (Self::Listed | Self::Loaded, E::Load) | (Self::Loaded, E::Reopen) => Self::Loaded,
            (Self::Intended, E::Load | E::Intend | E::Reopen) | (Self::Loaded, E::Intend) => Self::Intended,
            (Self::Listed, E::Reopen) => Self::Listed,
            (Self::Listed | Self::Loaded, E::Decide) => Self::Declined(Unsent),
            (Self::Intended | Self::Settled(Unsent | Rejected), E::Withdraw) => Self::Loaded,
            (Self::Intended, E::Decide) => Self::Settled(Unsent),
            (Self::Declined(Unsent | Rejected), E::Reopen) => Self::Listed,
            (Self::Settled(Unsent | Rejected), E::Reopen) => Self::Intended,
            (Self::Declined(_), E::Accept) => Self::Declined(Accepted),
            (Self::Settled(_), E::Accept) => Self::Settled(Accepted),
            (Self::Declined(Unsent | Rejected), E::Reject) => Self::Declined(Rejected),
            (Self::Settled(Unsent | Rejected), E::Reject) => Self::Settled(Rejected),
            (Self::Declined(Accepted), E::SeenOpen) => Self::Declined(Unsent),
            (Self::Settled(Accepted), E::SeenOpen) => Self::Settled(Unsent),
            (Self::Foreign, E::Reopen) => Self::Listed,
            (_, E::SeenFinal) => Self::Foreign,
            _ => {
                return Err(IllegalTransition {
                    state: self.as_str(),
                    event: event.as_str(),
                });
            }
        })
    }

    /// The word in the checkpoint.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Listed => "listed",
            Self::Loaded => "loaded",
            Self::Intended => "intended",
            Self::Declined(_) => "declined",
            Self::Settled(_) => "settled",
            Self::Foreign => "foreign",
        }
    }

    /// Whether Pleo has been told, for the checkpoint; `None` before there is a verdict.
    pub const fn report(self) -> Option<Report> {
        match self {
            Self::Declined(report) | Self::Settled(report) => Some(report),
            Self::Listed | Self::Loaded | Self::Intended | Self::Foreign => None,
        }
    }

    /// Reads the checkpoint's two words.
    pub fn from_words(state: &str, report: Option<&str>) -> Option<Self> {
        Some(match (state, report) {
            ("listed", None) => Self::Listed,
            ("loaded", None) => Self::Loaded,
            ("intended", None) => Self::Intended,
            ("foreign", None) => Self::Foreign,
            ("declined", Some(report)) => Self::Declined(Report::from_word(report)?),
            ("settled", Some(report)) => Self::Settled(Report::from_word(report)?),
            _ => return None,
        })
    }
}

impl Report {
    /// The word in the checkpoint.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unsent => "unsent",
            Self::Accepted => "accepted",
            Self::Rejected => "refused",
        }
    }

    fn from_word(text: &str) -> Option<Self> {
        [Self::Unsent, Self::Accepted, Self::Rejected]
            .into_iter()
            .find(|report| report.as_str() == text)
    }
}

impl ItemEvent {
    /// The word in the audit trail.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Intend => "intend",
            Self::Withdraw => "withdraw",
            Self::Decide => "decide",
            Self::Reopen => "reopen",
            Self::Accept => "accept",
            Self::Reject => "refuse",
            Self::SeenFinal => "seen_final",
            Self::SeenOpen => "seen_open",
        }
    }
}

/// Where a job stands on our side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobState {
    /// The intent to start it is committed; Pleo may or may not know.
    Starting,
    /// It is ours and in progress.
    Started,
    /// The intent to close it is committed; Pleo may or may not know.
    Closing,
    /// Closed by us.
    Closed,
    /// Ended on Pleo's side: expired, cancelled or closed by another instance.
    Ended,
    /// Another instance has it: it won the start, or took the job over.
    Foreign,
}

/// What can happen to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobEvent {
    /// Pleo has it in progress for us.
    Started,
    /// Another instance started it, or took it over.
    LostToAnother,
    /// The intent to start it (again), for a job that was another instance's before.
    Claim,
    /// The intent to close it was committed.
    Close,
    /// Pleo shows our final status.
    Closed,
    /// Pleo shows a final status that is not from us.
    EndedByPleo,
}

impl JobState {
    /// The state after `event`.
    pub const fn next(self, event: JobEvent) -> Result<Self, IllegalTransition> {
        use JobEvent as E;
        Ok(match (self, event) {
            (Self::Starting | Self::Started | Self::Foreign, E::Claim) => Self::Starting,
            (Self::Starting | Self::Started | Self::Foreign, E::Started) => Self::Started,
            (Self::Closing, E::Started) => Self::Closing,
            (Self::Starting | Self::Started | Self::Closing | Self::Foreign, E::LostToAnother) => {
                Self::Foreign
            }
            (Self::Started | Self::Closing, E::Close) => Self::Closing,
            (Self::Closing | Self::Closed, E::Closed) => Self::Closed,
            (
                Self::Starting | Self::Started | Self::Closing | Self::Ended | Self::Foreign,
                E::EndedByPleo,
            ) => Self::Ended,
            _ => {
                return Err(IllegalTransition {
                    state: self.as_str(),
                    event: event.as_str(),
                });
            }
        })
    }

    /// Every state.
    pub const ALL: [Self; 6] = [
        Self::Starting,
        Self::Started,
        Self::Closing,
        Self::Closed,
        Self::Ended,
        Self::Foreign,
    ];

    /// The word in the checkpoint.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Started => "started",
            Self::Closing => "closing",
            Self::Closed => "closed",
            Self::Ended => "ended",
            Self::Foreign => "foreign",
        }
    }

    /// Reads the checkpoint's word.
    pub fn from_word(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Whether it is ours and may still be gone on with.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Starting | Self::Started | Self::Closing)
    }
}

impl JobEvent {
    /// The word in the audit trail.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::LostToAnother => "lost_to_another",
            Self::Claim => "claim",
            Self::Close => "close",
            Self::Closed => "closed",
            Self::EndedByPleo => "ended_by_pleo",
        }
    }
}
