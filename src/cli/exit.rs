//! The exit codes. They are a contract: scripts and service managers decide by them.

use std::process::ExitCode;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done, or nothing to do, or another `poll` is running.
    Done,
    /// Unexpected error; checkpoint or books that are damaged or cannot be written.
    Unexpected,
    /// Wrong usage or configuration, rejected credential, unknown job, checkpoint of another company, host or target, a
    /// certificate that is not trusted, a connector that cannot start, a Pleo that was never reached with these settings.
    Usage,
    /// Job closed, but some or all items failed.
    ItemsFailed,
    /// Job failed as a whole before booking, or ended on Pleo's side.
    JobFailed,
    /// Out of reach (for a time), rate limit, lock held, stopped by a signal: run again.
    Temporary,
    /// A person must decide.
    NeedsPerson,
}

impl Exit {
    /// The table at the end of `--help`.
    pub(super) const HELP: &'static str = "\
Exit codes:
  0  done, or nothing to do
  1  unexpected error; checkpoint or books that are damaged or cannot be written
  2  wrong usage or settings, credential rejected, unknown job or number, job of another company,
     checkpoint of another company, host or target, certificate not trusted, connector that
     cannot start, Pleo never reached with these settings
  3  job closed, but some or all of its items failed
  4  job failed as a whole before booking, or expired or was cancelled on Pleo's side
  5  temporary: out of reach, rate limit, lock held, stopped by a signal; run again
  6  a person must decide: a job of another instance or out of order, an item that may be booked,
     an update that Pleo rejected, a job closed while items had no verdict, an entry that is reversed
     already, books that lack what Pleo was told, differences that verify found, polls that fail or
     a run that lasts for longer than run.alarm_after

With no credential yet, try it all against a Pleo of your own: cargo run --example sandbox";

    /// The number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Unexpected => 1,
            Self::Usage => 2,
            Self::ItemsFailed => 3,
            Self::JobFailed => 4,
            Self::Temporary => 5,
            Self::NeedsPerson => 6,
        }
    }

    /// The worse of two jobs' ends, by what needs a person's attention first: 1, 2, 6, 4, 5, 3, 0.
    #[must_use]
    pub fn worst(self, other: Self) -> Self {
        if self.urgency() >= other.urgency() {
            self
        } else {
            other
        }
    }

    /// The higher it is, the sooner somebody must hear of it.
    pub(super) const fn urgency(self) -> u8 {
        match self {
            Self::Unexpected => 6,
            Self::Usage => 5,
            Self::NeedsPerson => 4,
            Self::JobFailed => 3,
            Self::Temporary => 2,
            Self::ItemsFailed => 1,
            Self::Done => 0,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::Exit;

    #[test]
    fn the_worst_of_several_jobs_wins() {
        let by_urgency = [
            Exit::Unexpected,
            Exit::Usage,
            Exit::NeedsPerson,
            Exit::JobFailed,
            Exit::Temporary,
            Exit::ItemsFailed,
            Exit::Done,
        ];
        assert_eq!(by_urgency.map(Exit::code), [1, 2, 6, 4, 5, 3, 0]);
        for pair in by_urgency.windows(2) {
            assert_eq!(pair[0].worst(pair[1]), pair[0]);
            assert_eq!(pair[1].worst(pair[0]), pair[0]);
        }
    }
}
