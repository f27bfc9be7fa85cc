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
mod tests {
    use super::super::movements::Names;
    use super::super::reader::{Metadata, Posting, PostingAmount};
    use super::*;
    use crate::model::money::{Amount, Money};

    const COST: &str = "Expenses:6800";
    const PAYABLE: &str = "Liabilities:AccountsPayable";
    const WALLET: &str = "Assets:Pleo:Wallet";
    const EMPLOYEE: &str = "Assets:Pleo:EmployeeReceivable";

    type Moves = &'static [(&'static str, i64)];

    fn movements(moves: Moves, names: &mut Names) -> Movements {
        let postings: Vec<Posting<'_>> = moves
            .iter()
            .map(|&(account, hundredths)| Posting {
                account,
                amount: PostingAmount::Exact(Money {
                    amount: Amount::hundredths(hundredths),
                    currency: "DKK".parse().unwrap(),
                }),
                metadata: Metadata::default(),
            })
            .collect();
        Movements::of(&postings, names).unwrap()
    }

    /// Revision, whether it is marked as reversed, what it moves.
    type Documents = &'static [(u32, bool, Moves)];

    #[test]
    fn what_counts_by_what_the_books_say() {
        use Ruling::{Counts, CountsAdjusted, Nothing, Unclear};
        const LUNCH: Moves = &[(COST, 5000), (COST, 3000), (WALLET, -8000)];
        const DEARER: Moves = &[(COST, 13_000), (WALLET, -13_000)];
        const LOAN: Moves = &[(EMPLOYEE, 5000), (WALLET, -5000)];
        const BILL: Moves = &[(COST, 5000), (PAYABLE, -5000)];
        const PAYMENT: Moves = &[(PAYABLE, 5000), (WALLET, -5000)];
        const NOTHING: Moves = &[(COST, 0), (WALLET, 0)];
        let cases: [(&str, Documents, &[Moves], Ruling); 22] = [
            ("never booked", &[], &[], Nothing),
            ("booked", &[(1, false, LUNCH)], &[], Counts(1)),
            ("marked", &[(1, true, LUNCH)], &[], Nothing),
            (
                "two lines taken back as one",
                &[(1, false, LUNCH)],
                &[&[(COST, -8000), (WALLET, 8000)]],
                Nothing,
            ),
            (
                "taken back in two steps",
                &[(1, false, LUNCH)],
                &[&[(COST, -5000), (WALLET, 5000)], &[(COST, -3000), (WALLET, 3000)]],
                Nothing,
            ),
            (
                "a loan at zero: taken back or paid back",
                &[(1, false, LOAN)],
                &[&[(EMPLOYEE, -5000), (WALLET, 5000)]],
                Unclear(1, Doubt::AtZero),
            ),
            (
                "a loan whose reversal is marked",
                &[(1, true, LOAN)],
                &[],
                Nothing,
            ),
            (
                "bill and payment",
                &[(1, false, BILL), (1, false, PAYMENT)],
                &[],
                Counts(1),
            ),
            (
                "both taken back as one",
                &[(1, false, BILL), (1, false, PAYMENT)],
                &[&[(COST, -5000), (WALLET, 5000)]],
                Nothing,
            ),
            (
                "the bill alone at zero",
                &[(1, false, BILL), (1, false, PAYMENT)],
                &[&[(COST, -5000), (PAYABLE, 5000)]],
                Unclear(1, Doubt::PartAtZero),
            ),
            (
                "the payment alone at zero",
                &[(1, false, BILL), (1, false, PAYMENT)],
                &[&[(PAYABLE, -5000), (WALLET, 5000)]],
                Unclear(1, Doubt::PartAtZero),
            ),
            (
                "the payment alone marked",
                &[(1, false, BILL), (1, true, PAYMENT)],
                &[],
                Unclear(1, Doubt::PartMarked),
            ),
            (
                "a pair marked",
                &[(1, true, BILL), (1, true, PAYMENT)],
                &[],
                Nothing,
            ),
            (
                "taken back and booked anew",
                &[(1, false, LUNCH), (2, false, DEARER)],
                &[&[(COST, -8000), (WALLET, 8000)]],
                Counts(2),
            ),
            (
                "marked and booked anew",
                &[(1, true, LUNCH), (2, false, DEARER)],
                &[],
                Counts(2),
            ),
            (
                "the second booking taken back, the first not",
                &[(1, false, LUNCH), (2, false, DEARER)],
                &[&[(COST, -13_000), (WALLET, 13_000)]],
                Counts(1),
            ),
            (
                "the second booking marked, the first not",
                &[(1, false, LUNCH), (2, true, DEARER)],
                &[],
                Counts(1),
            ),
            (
                "both count",
                &[(1, false, LUNCH), (2, false, DEARER)],
                &[],
                CountsAdjusted(2),
            ),
            (
                "recoded by another transaction",
                &[(1, false, LUNCH)],
                &[&[("Expenses:Gifts", 3000), (COST, -3000)]],
                CountsAdjusted(1),
            ),
            (
                "half taken back",
                &[(1, false, LUNCH)],
                &[&[(COST, -4000), (WALLET, 4000)]],
                CountsAdjusted(1),
            ),
            ("moves nothing", &[(1, false, NOTHING)], &[], Counts(1)),
            ("moves nothing and is marked", &[(1, true, NOTHING)], &[], Nothing),
        ];
        for (name, documents, others, expected) in cases {
            let mut names = Names::default();
            let moved: Vec<Movements> = documents
                .iter()
                .map(|(_, _, moves)| movements(moves, &mut names))
                .collect();
            let documents: Vec<Document<'_>> = documents
                .iter()
                .zip(&moved)
                .map(|(&(revision, is_taken_back, moves), moved)| Document {
                    revision,
                    movements: Some(moved),
                    touches_result: moves.iter().any(|(account, _)| *account == COST),
                    is_taken_back,
                })
                .collect();
            let others: Vec<Movements> = others.iter().map(|moves| movements(moves, &mut names)).collect();
            let others: Vec<Option<&Movements>> = others.iter().map(Some).collect();
            assert_eq!(judge(&documents, &others), expected, "{name}");
        }
    }

    #[test]
    fn what_cannot_be_added_up_is_never_taken_for_zero() {
        let mut names = Names::default();
        let lunch = movements(&[(COST, 8000), (WALLET, -8000)], &mut names);
        let booked = |movements| Document {
            revision: 1,
            movements,
            touches_result: true,
            is_taken_back: false,
        };
        assert_eq!(judge(&[booked(None)], &[]), Ruling::CountsAdjusted(1));
        assert_eq!(judge(&[booked(Some(&lunch))], &[None]), Ruling::CountsAdjusted(1));
    }
}
