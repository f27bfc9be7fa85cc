//! Which booking of an entry counts, judged by what its transactions move. Pure.
//!
//! A mirror that is marked (`pleo-reverses`) takes its document back. Reversals that people book without the mark are
//! known by the sum of all transactions that carry the entry's link:
//!
//! | the books | meaning |
//! |---|---|
//! | zero everywhere, and the entry touches income, expense or tax | nothing counts |
//! | zero, but balance sheet accounts alone (a repayment looks the same) | a person must say |
//! | one document of a pair at zero, or only one of them marked as reversed | a person must say |
//! | the sum of one revision | that one counts |
//! | anything else (recoded, adjusted) | the highest revision that is not marked counts, with a remark |
//! | an entry that moves nothing | counts until a marked mirror |

use std::collections::BTreeSet;

use super::movements::{Movements, Sums};

/// One document of an entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Document<'a> {
    /// Which booking of the entry it belongs to.
    pub(super) revision: u32,
    /// What it moves; `None` where its text alone does not tell.
    pub(super) movements: Option<&'a Movements>,
    /// Whether it moves income, expense or tax.
    pub(super) touches_result: bool,
    /// Whether a marked mirror takes it to zero.
    pub(super) is_taken_back: bool,
}

/// What counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ruling {
    /// Nothing.
    Nothing,
    /// The documents of this revision.
    Counts(u32),
    /// The documents of this revision, although other transactions have changed what they come to.
    CountsAdjusted(u32),
    /// Nobody but a person knows; in question are the documents of this revision.
    Unclear(u32, Doubt),
}

/// What a person must say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// Taken back, or paid back?
    AtZero,
    /// One document of a pair stands at zero.
    PartAtZero,
    /// One document of a pair is marked as reversed, and the other is not.
    PartMarked,
}

/// Judges an entry by its documents and by what all `others` with its link move, the mirrors of its documents left out.
pub(super) fn judge(documents: &[Document<'_>], others: &[Option<&Movements>]) -> Ruling {
    let standing = || documents.iter().filter(|document| !document.is_taken_back);
    let Some(last) = standing().map(|document| document.revision).max() else {
        return Ruling::Nothing;
    };
    let of_last = || standing().filter(|document| document.revision == last);
    let all_of_last = documents.iter().filter(|document| document.revision == last);
    if all_of_last.count() > of_last().count() {
        return Ruling::Unclear(last, Doubt::PartMarked);
    }
    let sum_of = |revision| {
        Sums::of(
            standing()
                .filter(|document| document.revision == revision)
                .map(|document| document.movements),
        )
    };
    let total = Sums::of(
        standing()
            .map(|document| document.movements)
            .chain(others.iter().copied()),
    );
    let (Some(total), Some(own)) = (total, sum_of(last)) else {
        return Ruling::CountsAdjusted(last);
    };
    if total.is_zero() {
        return if own.is_zero() {
            Ruling::Counts(last)
        } else if of_last().any(|document| document.touches_result) {
            Ruling::Nothing
        } else {
            Ruling::Unclear(last, Doubt::AtZero)
        };
    }
    let revisions: BTreeSet<u32> = standing().map(|document| document.revision).collect();
    let alone = revisions
        .into_iter()
        .rev()
        .find(|&revision| sum_of(revision).as_ref() == Some(&total));
    if let Some(revision) = alone {
        return Ruling::Counts(revision);
    }
    let is_one_of_a_pair = of_last().count() > 1
        && of_last().any(|document| Sums::of([document.movements]).as_ref() == Some(&total));
    if is_one_of_a_pair {
        return Ruling::Unclear(last, Doubt::PartAtZero);
    }
    Ruling::CountsAdjusted(last)
}

#[cfg(test)]
mod tests;
