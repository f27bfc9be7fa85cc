//! Where a document stands on its way into the books, and whether it is in our hands.

use crate::systems::odoo::api::records::Id;
use crate::systems::odoo::document::booked::{Booked, State};

/// Where a document stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Not in Odoo.
    Absent,
    /// A draft that this process made and has not yet compared with its plan.
    Made(Id),
    /// A draft that this call made and compared with its plan.
    Ready(Id),
    /// A draft that another process made and never compared.
    Left(Id),
    /// A draft of another call, compared with its plan.
    Theirs(Id),
    /// Posted by this call.
    Posted(Id),
    /// Posted or cancelled, and not by this call.
    Settled(Id),
}

/// What happens to a document.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event<'a> {
    /// Odoo was told to make it. The answer is its id, also where it was there already.
    Loaded(Id),
    /// It was looked at, by the process of this name.
    Seen(&'a Booked, &'a str),
    /// It is written down that it is what was planned.
    Marked,
    /// Odoo was told to post it.
    Posted,
    /// It is not there any more.
    Gone,
}

impl Stage {
    /// The stage after the event.
    pub(crate) fn next(self, event: Event<'_>) -> Self {
        match (self, event) {
            (Self::Absent, Event::Loaded(id)) => Self::Made(id),
            (_, Event::Gone) => Self::Absent,
            (Self::Made(id), Event::Marked) => Self::Ready(id),
            (Self::Left(id), Event::Marked) => Self::Theirs(id),
            (Self::Made(id) | Self::Ready(id) | Self::Left(id) | Self::Theirs(id), Event::Posted) => {
                Self::Posted(id)
            }
            (_, Event::Seen(booked, maker)) => self.seen(booked, maker),
            (stage, _) => stage,
        }
    }

    fn seen(self, booked: &Booked, maker: &str) -> Self {
        match (self, booked.state) {
            (Self::Posted(_), State::Posted) | (Self::Ready(_), State::Draft) => self,
            (_, State::Posted | State::Cancel) => Self::Settled(booked.id),
            (_, State::Draft) if booked.is_made_by(maker) => Self::Made(booked.id),
            (_, State::Draft) if booked.is_checked() => Self::Theirs(booked.id),
            (_, State::Draft) => Self::Left(booked.id),
        }
    }

    /// Its id, once it is there.
    pub(crate) fn id(self) -> Option<Id> {
        match self {
            Self::Absent => None,
            Self::Made(id)
            | Self::Ready(id)
            | Self::Left(id)
            | Self::Theirs(id)
            | Self::Posted(id)
            | Self::Settled(id) => Some(id),
        }
    }

    /// Its id, where it is a draft.
    pub(crate) fn draft(self) -> Option<Id> {
        match self {
            Self::Made(id) | Self::Ready(id) | Self::Left(id) | Self::Theirs(id) => Some(id),
            Self::Absent | Self::Posted(_) | Self::Settled(_) => None,
        }
    }

    /// Whether nobody has compared it with its plan yet.
    pub(crate) fn is_unchecked(self) -> bool {
        matches!(self, Self::Made(_) | Self::Left(_))
    }

    /// Its id, where it may be taken back: a draft of ours that was never posted.
    pub(crate) fn ours(self) -> Option<Id> {
        match self {
            Self::Made(id) | Self::Ready(id) => Some(id),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::document::Part;
    use crate::model::ids::AccountingEntryId;
    use crate::model::money::{Amount, Money};
    use crate::systems::odoo::document::key::{Key, Origin};

    const US: &str = "us";

    fn booked(state: State, made_by: Option<&str>) -> Booked {
        let entry = AccountingEntryId::new("entry");
        Booked {
            id: 7,
            key: Key {
                entry: entry.clone(),
                part: Part::Main,
                revision: 1,
            },
            number: "draft 7".into(),
            date: "2026-10-05".parse().unwrap(),
            state,
            is_reversed: false,
            was_posted: false,
            side: None,
            invoice: None,
            origin: Some(Origin {
                entry,
                made_by: made_by.map(str::to_owned),
                parts: vec![Part::Main],
                content_hash: "1:ab".into(),
                amount: Money {
                    amount: Amount::hundredths(100),
                    currency: "DKK".parse().unwrap(),
                },
                supplier_amount: None,
                invoice_number: None,
                invoice_date: None,
            }),
        }
    }

    /// What may be taken back is what this process made and nobody posted, whatever happened in which order.
    #[test]
    fn only_unposted_drafts_of_ours_are_taken_back() {
        let unchecked = booked(State::Draft, Some(US));
        let of_another = booked(State::Draft, Some("them"));
        let checked = booked(State::Draft, None);
        let posted = booked(State::Posted, None);
        let seen = |booked| Event::Seen(booked, US);
        let at = |events: &[Event<'_>]| {
            let begin = Stage::Absent;
            events.iter().fold(begin, |stage, event| stage.next(*event))
        };
        let made = [Event::Loaded(7), seen(&unchecked)];
        for (events, stage) in [
            (&[][..], Stage::Made(7)),
            (&[Event::Marked], Stage::Ready(7)),
            (&[Event::Marked, seen(&checked)], Stage::Ready(7)),
            (&[Event::Marked, Event::Posted], Stage::Posted(7)),
            (&[Event::Marked, Event::Posted, seen(&posted)], Stage::Posted(7)),
            (&[Event::Marked, Event::Posted, seen(&checked)], Stage::Theirs(7)),
            (&[seen(&posted)], Stage::Settled(7)),
            (&[Event::Gone], Stage::Absent),
        ] {
            let reached = at(&[&made[..], events].concat());
            assert_eq!(reached, stage, "{events:?}");
            let is_ours = matches!(stage, Stage::Made(_) | Stage::Ready(_));
            assert_eq!(reached.ours().is_some(), is_ours, "{events:?}");
        }
        // `load` answers with what is there already, too.
        for (there, stage) in [
            (&of_another, Stage::Left(7)),
            (&checked, Stage::Theirs(7)),
            (&posted, Stage::Settled(7)),
        ] {
            let reached = at(&[Event::Loaded(7), seen(there)]);
            assert_eq!(reached, stage);
            assert_eq!(reached.next(Event::Marked).ours(), None);
        }
    }
}
