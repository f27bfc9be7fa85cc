use super::{Before, Case, Create, Kind, Outcome, Unseen, Verb, Verdict};
use crate::sandbox::Event;

impl Case {
    /// Where books can only be searched, what a killed run began with and is not there is never booked again.
    fn is_lost(self) -> bool {
        self.before == Before::Announced && self.create == Create::Search
    }

    /// Where all is well: also in the run after one that left the job open, because that one knew what it had not sent.
    pub(super) fn normal(self) -> Outcome {
        if self.is_lost() {
            self.failed(Verdict::MayBeBooked)
        } else {
            self.successful()
        }
    }

    /// The rule.
    pub(super) fn expected(self) -> Outcome {
        use Kind::{Damaged, Ends, Fatal, Landed, Rejected, Unavailable, Unknown};
        let (is_lost, normal) = (self.is_lost(), self.normal());
        let is_asked = match self.verb {
            Verb::Check | Verb::Resolve | Verb::Find => true,
            Verb::Book => self.before != Before::Booked && !is_lost,
            Verb::Attach => self.receipts && !is_lost,
        };
        match (self.verb, self.kind) {
            _ if !is_asked => normal,
            _ if self.unseen == Unseen::AtOnce => self.failed(Verdict::MayBeBooked),
            // The entry is in the books, and found there.
            (_, Landed) => self.successful(),
            (Verb::Book, Unknown | Ends) if self.create == Create::Search => {
                self.failed(Verdict::MayBeBooked)
            }
            (Verb::Attach, Unavailable | Unknown | Ends) if self.always && self.best_effort => self.without(),
            (Verb::Attach, Rejected | Fatal) if self.best_effort => self.without(),
            (_, Unavailable | Unknown | Ends) if self.always => left_open(5),
            (_, Unavailable | Unknown | Ends) => normal,
            (_, Damaged) => left_open(1),
            // What the killed run sent may still be on its way, and only a lock keeps it out.
            (Verb::Book, Rejected) if self.before == Before::Announced && self.create == Create::Unique => {
                self.failed(Verdict::MayBeBooked)
            }
            (Verb::Book, Rejected) => self.failed(Verdict::NothingBooked),
            (Verb::Attach, Rejected) => self.failed(Verdict::BookedAs),
            (_, Rejected | Fatal) => self.given_up(),
        }
    }

    /// The job cannot go on.
    fn given_up(self) -> Outcome {
        let nothing_begun =
            self.before == Before::Nothing && matches!(self.verb, Verb::Check | Verb::Resolve);
        if nothing_begun {
            return Outcome {
                verdict: Verdict::None,
                event: Some(Event::Failed),
                exit: 4,
                attached: 0,
            };
        }
        let cannot_be_asked = self.verb == Verb::Find && self.always;
        let is_in_books = self.before == Before::Booked || self.verb == Verb::Attach;
        match () {
            // Before any item is read the results that are known are told.
            () if self.verb == Verb::Check && self.before == Before::Booked => Outcome {
                attached: 0,
                ..self.successful()
            },
            () if cannot_be_asked => self.failed(Verdict::MayBeBooked),
            () if is_in_books && self.receipts => self.failed(Verdict::BookedAs),
            () if is_in_books => self.successful(),
            // Only under a lock nothing is on its way any more.
            () if self.before == Before::Announced && self.create != Create::Exclusive => {
                self.failed(Verdict::MayBeBooked)
            }
            () => self.failed(Verdict::NothingBooked),
        }
    }

    fn successful(self) -> Outcome {
        Outcome {
            verdict: Verdict::Successful,
            event: Some(Event::Completed),
            exit: 0,
            attached: usize::from(self.receipts),
        }
    }

    /// By best effort: its receipts were let go, and the remark says so.
    pub(super) fn without(self) -> Outcome {
        Outcome {
            attached: 0,
            ..self.successful()
        }
    }

    pub(super) fn failed(self, verdict: Verdict) -> Outcome {
        Outcome {
            verdict,
            event: Some(Event::Failed),
            exit: if verdict == Verdict::MayBeBooked { 6 } else { 3 },
            attached: 0,
        }
    }
}

pub(super) fn left_open(exit: i32) -> Outcome {
    Outcome {
        verdict: Verdict::None,
        event: None,
        exit,
        attached: 0,
    }
}
