//! What was taken back: which documents of an entry count, which mirrors take which back, and what people must be told.

use std::path::Path;
use std::rc::Rc;

use crate::systems::SystemError;

use super::super::lexer::Fault;
use super::super::movements::Sums;
use super::super::number::Number;
use super::super::roots::Root;
use super::super::standing::{self, Document, Doubt, Ruling};
use super::super::text;
use super::super::vocabulary::key;
use super::entries::{Booked, Document as OurDocument, Mirror, Numbered, Other, Retired};
use super::words::{adjusted, counted_twice, numbers, places};
use super::{Index, Source};

/// How a document stands to the mirrors that are marked with its number.
enum Mirrored<'a> {
    No,
    By(&'a Mirror),
    /// The mark cannot be taken at its word: why.
    Wrong(String),
}

/// What counts of an entry in the books.
#[derive(Debug)]
pub(in super::super) struct Standing {
    /// The documents that count, all of one revision.
    pub(in super::super) live: Vec<Rc<Booked>>,
    /// The revision that a new booking takes when nothing counts.
    pub(in super::super) next_revision: u32,
    /// Why nobody but a person can say what counts, and what to do.
    pub(in super::super) unclear: Option<String>,
    /// What is odd about it.
    pub(in super::super) remark: Option<String>,
    /// Whether bookings of several revisions count beside each other.
    pub(in super::super) counts_twice: bool,
}

/// What a number means to somebody who wants the entry taken back.
#[derive(Debug)]
pub(in super::super) enum Reversal {
    /// These documents are to be mirrored.
    Open(Vec<Rc<Booked>>),
    /// No document has this number.
    Unknown,
    /// It is the number of the mirror of this document.
    IsMirror(Number),
    /// It is taken back already, or half of it is: how, and what to do.
    Refused(String),
}

/// An entry with all that speaks for and against it.
struct Judged<'a> {
    /// By revision and part.
    documents: Vec<(Rc<Booked>, Mirrored<'a>)>,
    /// The transactions with its link that are neither its documents nor their mirrors.
    others: Vec<&'a Other>,
    ruling: Ruling,
}

impl Judged<'_> {
    /// The documents of a revision that no mirror takes back.
    fn standing(&self, revision: u32) -> Vec<Rc<Booked>> {
        let documents = self.documents.iter();
        documents
            .filter(|(booked, mirrored)| booked.revision == revision && !matches!(mirrored, Mirrored::By(_)))
            .map(|(booked, _)| Rc::clone(booked))
            .collect()
    }

    /// Why a mark cannot be taken at its word.
    fn wrong_mark(&self) -> Option<&str> {
        self.documents.iter().find_map(|(_, mirrored)| match mirrored {
            Mirrored::Wrong(why) => Some(why.as_str()),
            Mirrored::No | Mirrored::By(_) => None,
        })
    }
}

impl Index {
    /// What counts of an entry.
    pub(in super::super) fn standing(&self, entry_id: &str) -> Result<Standing, SystemError> {
        let judged = self.judged(entry_id)?;
        let last = judged.documents.last().map_or(0, |(last, _)| last.revision);
        let mut standing = Standing {
            live: Vec::new(),
            next_revision: last.saturating_add(1),
            unclear: judged.wrong_mark().map(str::to_owned),
            remark: None,
            counts_twice: false,
        };
        match judged.ruling {
            Ruling::Nothing => {}
            Ruling::Counts(revision) => standing.live = judged.standing(revision),
            Ruling::CountsAdjusted(revision) => {
                standing.live = judged.standing(revision);
                let others = judged.documents.iter().filter(|(booked, mirrored)| {
                    booked.revision != revision && !matches!(mirrored, Mirrored::By(_))
                });
                standing.counts_twice = judged.others.is_empty() && others.count() > 0;
                let remark = adjusted(&standing.live, &judged.others, standing.counts_twice);
                standing.remark = Some(remark);
            }
            Ruling::Unclear(revision, doubt) => {
                standing.live = judged.standing(revision);
                standing
                    .unclear
                    .get_or_insert_with(|| judged.doubt(revision, doubt));
            }
        }
        if standing.unclear.is_some() && standing.live.is_empty() {
            // A mark that cannot be taken at its word takes nothing out.
            standing.live = judged.standing(last);
        }
        Ok(standing)
    }

    /// What the number means to somebody who wants its entry taken back.
    pub(in super::super) fn reversal(&self, number: Number) -> Result<Reversal, SystemError> {
        let document = match self.numbers.get(&number) {
            None => return Ok(Reversal::Unknown),
            Some(&Numbered::Mirror(of)) => return Ok(Reversal::IsMirror(of)),
            Some(&Numbered::Document(at)) => self.document(Some(at)),
        };
        let Some(document) = document else {
            return Ok(Reversal::Unknown);
        };
        let judged = self.judged(&document.booked()?.entry_id)?;
        Ok(judged.reversal(number))
    }

    /// What is odd about marks, reversals and lines that nobody understands, with file and line, for the one who keeps the
    /// books.
    pub(in super::super) fn notices(&self) -> Result<Vec<String>, SystemError> {
        let mut notices: Vec<String> = self
            .sources
            .values()
            .flat_map(|source| source.retired.iter().map(move |line| (&source.path, line)))
            .map(|(file, line)| self.retired(file, line))
            .collect::<Result<_, _>>()?;
        let not_understood = |source: &Source| {
            let Fault { line, problem } = source.passed_over.as_ref()?;
            let file = source.path.display();
            Some(format!(
                "`{file}`, line {line}: {problem}: run bean-check on the books and repair it"
            ))
        };
        notices.extend(self.sources.values().filter_map(not_understood));
        let unknown = self
            .mirrors
            .iter()
            .filter(|(number, _)| !self.has_document(**number));
        let mut unknown: Vec<String> = unknown
            .flat_map(|(number, mirrors)| mirrors.iter().map(move |mirror| (number, mirror)))
            .filter(|(_, mirror)| self.concerns_us(mirror))
            .map(|(number, mirror)| {
                format!(
                    "{}: `{}: \"{number}\"` names no entry of these books, so it takes nothing back: correct the number",
                    mirror.place,
                    key::REVERSES
                )
            })
            .chain(self.odd_marks.iter().map(|(place, why)| format!("{place}: {why}")))
            .collect();
        unknown.sort_unstable();
        notices.append(&mut unknown);
        Ok(notices)
    }

    /// What a line means that says `pleo-reversed`.
    fn retired(&self, file: &Path, retired: &Retired) -> Result<String, SystemError> {
        let place = format!("`{}`, line {}", file.display(), retired.line);
        let mark = key::REVERSED;
        let in_file = self.documents.iter();
        let above = in_file
            .filter(|document| *document.place.file == *file && document.place.line < retired.line)
            .max_by_key(|document| document.place.line);
        let Some(above) = above.filter(|_| !retired.is_advice) else {
            return Ok(format!(
                "{place}: `{mark}` takes nothing out of a balance, whoever advises it: run `pleo-export reverse NUMBER` to \
                 take an entry back, and delete the line"
            ));
        };
        let booked = above.booked()?;
        let number = booked.number;
        let judged = self.judged(&booked.entry_id)?;
        let standing = judged.standing(booked.revision);
        let counts = match judged.ruling {
            Ruling::Nothing => false,
            Ruling::Counts(revision) => revision == booked.revision,
            Ruling::CountsAdjusted(_) | Ruling::Unclear(..) => true,
        };
        if !counts || standing.iter().all(|standing| standing.number != number) {
            return Ok(format!(
                "{place}: `{mark}` does nothing, for {number} is reversed: delete the line"
            ));
        }
        let counted: Vec<Rc<Booked>> = judged
            .documents
            .iter()
            .filter(|(other, mirrored)| other.part == booked.part && !matches!(mirrored, Mirrored::By(_)))
            .map(|(other, _)| Rc::clone(other))
            .collect();
        let is_twice = counted.len() > 1 && matches!(judged.ruling, Ruling::CountsAdjusted(_));
        let twice = if is_twice {
            format!(" {} are {}.", numbers(&counted), counted_twice(&counted))
        } else {
            String::new()
        };
        Ok(format!(
            "{place}: `{mark}` takes nothing out of a balance, so {number} still counts.{twice} Run `pleo-export reverse \
             {number}` if it is to count no more, and delete the line"
        ))
    }

    /// Whether a document moves income, expense or tax.
    fn touches_result(&self, booked: &Booked) -> bool {
        let is_result = |account| matches!(self.roots.root_of(account), Some(Root::Income | Root::Expenses));
        booked.touches_tax || booked.accounts().any(is_result)
    }

    fn has_document(&self, number: Number) -> bool {
        matches!(self.numbers.get(&number), Some(Numbered::Document(_)))
    }

    fn judged(&self, entry_id: &str) -> Result<Judged<'_>, SystemError> {
        let link = text::entry_link(entry_id);
        let documents = self.documents_of(&link).map(OurDocument::booked);
        let mut booked: Vec<Rc<Booked>> = documents.collect::<Result<_, _>>()?;
        booked.retain(|booked| *booked.entry_id == *entry_id);
        booked.sort_by_key(|booked| (booked.revision, booked.part));
        let documents: Vec<_> = booked
            .into_iter()
            .map(|booked| {
                let mirrored = self.mirrored(&booked, &link);
                (booked, mirrored)
            })
            .collect();
        let is_mirror = |other: &Other| {
            let reverses = other.reverses;
            reverses.is_some_and(|number| documents.iter().any(|(booked, _)| booked.number == number))
        };
        let others: Vec<&Other> = self
            .others
            .get(link.as_str())
            .into_iter()
            .flatten()
            .filter(|other| !is_mirror(other))
            .collect();
        let ruling = standing::judge(
            &documents
                .iter()
                .map(|(booked, mirrored)| Document {
                    revision: booked.revision,
                    movements: booked.movements.as_ref(),
                    touches_result: self.touches_result(booked),
                    is_taken_back: matches!(mirrored, Mirrored::By(_)),
                })
                .collect::<Vec<_>>(),
            &others
                .iter()
                .map(|other| other.movements.as_ref())
                .collect::<Vec<_>>(),
        );
        Ok(Judged {
            documents,
            others,
            ruling,
        })
    }

    /// Whether a mirror may be of a document of ours: the numbers of companies that share a ledger are the same, the
    /// links of their entries are not.
    fn concerns_us(&self, mirror: &Mirror) -> bool {
        let is_ours = |link: &str| self.entries.contains_key(&self.key(link));
        mirror.links.is_empty() || mirror.links.iter().any(|link| is_ours(link))
    }

    fn mirrored(&self, booked: &Booked, link: &str) -> Mirrored<'_> {
        let mirrors = self.mirrors.get(&booked.number).into_iter().flatten();
        let mirrors: Vec<&Mirror> = mirrors
            .filter(|mirror| mirror.links.iter().any(|own| **own == *link) || self.concerns_us(mirror))
            .collect();
        match mirrors[..] {
            [] => Mirrored::No,
            [mirror] => {
                let both = [booked.movements.as_ref(), mirror.movements.as_ref()];
                if Sums::of(both).is_some_and(|sums| sums.is_zero()) {
                    return Mirrored::By(mirror);
                }
                Mirrored::Wrong(format!(
                    "{} ({}) and its reversal ({}) do not come to zero on each account: correct the reversal, or delete \
                     its line `{}`, then export again.",
                    booked.number,
                    booked.place,
                    mirror.place,
                    key::REVERSES
                ))
            }
            [first, second, ..] => Mirrored::Wrong(format!(
                "{} is reversed twice, in {} and in {}: delete one of the two, then export again.",
                booked.number, first.place, second.place
            )),
        }
    }
}

impl<'a> Judged<'a> {
    /// The documents of a revision that are taken back, with their mirrors.
    fn mirrors(&self, revision: u32) -> Vec<(&Booked, &'a Mirror)> {
        let documents = self.documents.iter();
        documents
            .filter(|(booked, _)| booked.revision == revision)
            .filter_map(|(booked, mirrored)| match mirrored {
                Mirrored::By(mirror) => Some((&**booked, *mirror)),
                Mirrored::No | Mirrored::Wrong(_) => None,
            })
            .collect()
    }

    /// What a number of its documents means to somebody who wants it taken back.
    fn reversal(&self, number: Number) -> Reversal {
        let named = self.documents.iter().find(|(booked, _)| booked.number == number);
        let Some(revision) = named.map(|(booked, _)| booked.revision) else {
            return Reversal::Unknown;
        };
        if let Some(why) = self.wrong_mark() {
            return Reversal::Refused(format!("{number} cannot be reversed: {why}"));
        }
        let already = |by: &str| {
            Reversal::Refused(format!(
                "{number} is reversed already, by {by}: export the expense again if it is to be booked anew."
            ))
        };
        let mirrors = self.mirrors(revision);
        let open = self.standing(revision);
        if open.is_empty() {
            let by: Vec<String> = mirrors.iter().map(|(_, mirror)| mirror.name()).collect();
            return already(&by.join(" and "));
        }
        match self.ruling {
            Ruling::Unclear(_, doubt @ (Doubt::PartAtZero | Doubt::PartMarked)) => {
                let why = self.doubt(revision, doubt);
                Reversal::Refused(format!("half of {number} is reversed already: {why}"))
            }
            _ if !mirrors.is_empty() => {
                let why = self.doubt(revision, Doubt::PartMarked);
                Reversal::Refused(format!("half of {number} is reversed already: {why}"))
            }
            Ruling::CountsAdjusted(counting) if counting != revision && !self.others.is_empty() => {
                Reversal::Refused(format!(
                    "{number} may be reversed already, by another transaction with its link ({}): add the line `{}: \
                     \"{number}\"` to the one that takes it back, or take that out and run this again.",
                    places(&self.others),
                    key::REVERSES
                ))
            }
            // Where another booking counts as well, as in books of the first version, either may be taken back.
            Ruling::CountsAdjusted(_) | Ruling::Unclear(_, Doubt::AtZero) => Reversal::Open(open),
            Ruling::Counts(counting) if counting == revision => Reversal::Open(open),
            Ruling::Counts(_) | Ruling::Nothing => already(&places(&self.others)),
        }
    }

    /// Why a person must say what counts, and how.
    fn doubt(&self, revision: u32, doubt: Doubt) -> String {
        let live = self.standing(revision);
        let number = live
            .first()
            .map(|first| first.number.to_string())
            .unwrap_or_default();
        let places = places(&self.others);
        let mark = key::REVERSES;
        match doubt {
            Doubt::AtZero => format!(
                "it stands at zero: taken back or paid back? Run `pleo-export reverse {number}`, or add the line `{mark}: \
                 \"{number}\"` to the transaction that takes it back ({places}), then export again."
            ),
            Doubt::PartAtZero => format!(
                "only a part of {} stands at zero: taken back or paid back? Take out what does that ({places}) and run \
                 `pleo-export reverse {number}`, or add a line `{mark}` to a mirror of each of its documents, then \
                 export again.",
                numbers(&live)
            ),
            Doubt::PartMarked => {
                let reversed: Vec<String> = self
                    .mirrors(revision)
                    .into_iter()
                    .map(|(booked, mirror)| format!("{} is reversed by {}", booked.number, mirror.name()))
                    .collect();
                format!(
                    "{}, but {number} of the same expense is not: book its mirror by hand with the line `{mark}: \
                     \"{number}\"`, or take that reversal out and run `pleo-export reverse {number}`, then export again.",
                    reversed.join(", ")
                )
            }
        }
    }
}

impl Mirror {
    /// Its number, or where it stands.
    fn name(&self) -> String {
        self.number.map_or_else(
            || format!("the transaction in {}", self.place),
            |number| number.to_string(),
        )
    }
}
