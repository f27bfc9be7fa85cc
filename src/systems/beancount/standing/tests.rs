use super::super::reader::{Metadata, Posting, PostingAmount};
use super::Ruling::{Counts, CountsAdjusted, Nothing, Unclear};
use super::*;
use crate::model::money::{Amount, Money};

const COST: &str = "Expenses:6800";
const PAYABLE: &str = "Liabilities:AccountsPayable";
const WALLET: &str = "Assets:Pleo:Wallet";
const EMPLOYEE: &str = "Assets:Pleo:EmployeeReceivable";

type Moves = &'static [(&'static str, i64)];

fn movements(moves: Moves) -> Movements {
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
    Movements::of(&postings).unwrap()
}

/// Revision, whether it is marked as reversed, what it moves.
type Documents = &'static [(u32, bool, Moves)];

const LUNCH: Moves = &[(COST, 5000), (COST, 3000), (WALLET, -8000)];
const DEARER: Moves = &[(COST, 13_000), (WALLET, -13_000)];
const LOAN: Moves = &[(EMPLOYEE, 5000), (WALLET, -5000)];
const BILL: Moves = &[(COST, 5000), (PAYABLE, -5000)];
const PAYMENT: Moves = &[(PAYABLE, 5000), (WALLET, -5000)];
const NOTHING: Moves = &[(COST, 0), (WALLET, 0)];

const CASES: [(&str, Documents, &[Moves], Ruling); 22] = [
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

#[test]
fn what_counts_by_what_the_books_say() {
    for (name, documents, others, expected) in CASES {
        let moved: Vec<Movements> = documents.iter().map(|(_, _, moves)| movements(moves)).collect();
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
        let others: Vec<Movements> = others.iter().map(|moves| movements(moves)).collect();
        let others: Vec<Option<&Movements>> = others.iter().map(Some).collect();
        assert_eq!(judge(&documents, &others), expected, "{name}");
    }
}

#[test]
fn what_cannot_be_added_up_is_never_taken_for_zero() {
    let lunch = movements(&[(COST, 8000), (WALLET, -8000)]);
    let booked = |movements| Document {
        revision: 1,
        movements,
        touches_result: true,
        is_taken_back: false,
    };
    assert_eq!(judge(&[booked(None)], &[]), CountsAdjusted(1));
    assert_eq!(judge(&[booked(Some(&lunch))], &[None]), CountsAdjusted(1));
}
