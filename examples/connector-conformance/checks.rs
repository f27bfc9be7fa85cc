//! What a connector must do, one function each. The order matters: later checks use what earlier ones booked.

use std::time::Instant;

use pleo_export::model::document::PlannedItem;
use pleo_export::model::references::{AccountKey, AccountPurpose, Candidates, InvoiceSide, References};
use pleo_export::model::verdict::ItemFailureType;
use pleo_export::systems::{AccountingSystem, BookedEntry, Found};

use crate::bench::{Bench, find, shown, told};
use crate::{processes, sample};

/// How a check ended, when it did not fail.
pub(crate) enum Outcome {
    Passed,
    /// Not tried: why, and how to have it tried.
    Skipped(&'static str),
}

type Check = fn(&mut Bench) -> Result<Outcome, String>;

/// Every check, in order.
pub(crate) const ALL: [(&str, Check); 16] = [
    ("readiness", readiness),
    ("accounts", accounts),
    ("several accounts in one question", several_accounts),
    ("look-up of what is not there", look_up_of_nothing),
    ("booking and look-up", booking),
    ("content hash and amount", content_hash_and_amount),
    ("several entries in one look-up", several_entries),
    ("same key twice", same_key_twice),
    ("look-up after a restart", look_up_after_restart),
    ("unknown account", unknown_account),
    ("closed period", closed_period),
    ("bill and payment", bill_and_payment),
    ("receipts twice", receipts_twice),
    (
        "one line for each question",
        processes::one_line_for_each_question,
    ),
    ("same key by two processes at once", processes::two_at_once),
    ("kill in mid-booking", processes::kill_in_mid_booking),
];

/// Codes that no books have, one on either side of others.
const UNKNOWN: &str = "conformance-no-such-account";
const UNKNOWN_TOO: &str = "0-conformance-no-such-account";

fn readiness(bench: &mut Bench) -> Result<Outcome, String> {
    bench.check().map_err(told)?;
    Ok(Outcome::Passed)
}

fn accounts(bench: &mut Bench) -> Result<Outcome, String> {
    bench.resolution = bench.resolve(&sample::references(&bench.accounts))?;
    for (code, key) in sample::keys(&bench.accounts) {
        if !bench.resolution.accounts.contains_key(&key) {
            return Err(format!(
                "account {code} is not in the books: name others by --account and --wallet"
            ));
        }
    }
    if !bench.resolve(&of_accounts(&[UNKNOWN]))?.accounts.is_empty() {
        return Err(format!("it has an account {UNKNOWN}"));
    }
    Ok(Outcome::Passed)
}

/// Accounts asked together are what they are when asked alone.
fn several_accounts(bench: &mut Bench) -> Result<Outcome, String> {
    let (cost, wallet) = (bench.accounts.cost.clone(), bench.accounts.wallet.clone());
    let codes = [UNKNOWN_TOO, &*cost, &*wallet, UNKNOWN];
    let together = bench.resolve(&of_accounts(&codes))?.accounts;
    for code in codes {
        let alone = bench.resolve(&of_accounts(&[code]))?.accounts;
        let key = AccountKey::of_code(AccountPurpose::Cost, code);
        let reference = |found: Option<&Candidates>| {
            let account = found.and_then(Candidates::best);
            account.map_or("null".to_owned(), |account| account.reference.to_string())
        };
        let (one, other) = (reference(alone.get(&key)), reference(together.get(&key)));
        if one != other {
            return Err(format!(
                "account {code} is {one} when asked alone and {other} among others: answer in the order of the \
                 question, with null for what is not in the books"
            ));
        }
    }
    Ok(Outcome::Passed)
}

fn of_accounts(codes: &[&str]) -> References {
    let key = |code: &&str| (AccountKey::of_code(AccountPurpose::Cost, *code), None);
    References {
        accounts: codes.iter().map(key).collect(),
        ..References::default()
    }
}

fn look_up_of_nothing(bench: &mut Bench) -> Result<Outcome, String> {
    let item = bench.item()?;
    match bench.find(&item)? {
        Found::Absent { next_revision: 1 } => Ok(Outcome::Passed),
        other => Err(format!(
            "the answer must be absent with next_revision 1, not {}",
            shown(&other)
        )),
    }
}

fn booking(bench: &mut Bench) -> Result<Outcome, String> {
    let item = bench.item()?;
    let started = Instant::now();
    let booked = bench.book(&item).map_err(told)?;
    bench.usual = started.elapsed();
    bench.must_be_complete(&item, &booked)?;
    bench.first = Some((item, booked.clone()));
    if booked.posting_date != bench.day {
        return Err(format!(
            "it was booked on {} instead of {}",
            booked.posting_date, bench.day
        ));
    }
    Ok(Outcome::Passed)
}

/// Promise 4, for each question that gives an entry back, and for a process that did not book it.
fn content_hash_and_amount(bench: &mut Bench) -> Result<Outcome, String> {
    let item = bench.item()?;
    let booked = bench.book(&item).map_err(told)?;
    must_be_kept("book", &item, &booked)?;
    must_be_kept("find", &item, &bench.must_be_complete(&item, &booked)?)?;
    must_be_kept("book", &item, &bench.must_stay_the_same(&item, &booked)?)?;
    match find(&mut bench.another()?, &item).map_err(told)? {
        Found::Complete(found) => must_be_kept("find", &item, &found)?,
        other => return Err(format!("another process of it finds it {}", shown(&other))),
    }
    Ok(Outcome::Passed)
}

fn must_be_kept(verb: &str, item: &PlannedItem, booked: &BookedEntry) -> Result<(), String> {
    let amount = item.item.amount.to_string();
    let answered_amount = booked.amount.map(|amount| amount.to_string());
    let fields = [
        ("content_hash", &item.content_hash, &booked.content_hash),
        ("amount", &amount, &answered_amount),
    ];
    for (field, kept, answered) in fields {
        let wrong = match answered {
            Some(answered) if answered == kept => continue,
            Some(answered) => format!("`{verb}` answers with the `{field}` {answered} instead of {kept}"),
            None => format!("`{verb}` answers without `{field}`"),
        };
        return Err(format!(
            "{wrong}: keep it with the entry and give it back, or a changed expense goes unnoticed"
        ));
    }
    Ok(())
}

/// Booked, absent, booked; then the other way round, which tells those that sort.
fn several_entries(bench: &mut Bench) -> Result<Outcome, String> {
    let (first, booked) = bench.first()?;
    let second = bench.item()?;
    let booked_second = bench.book(&second).map_err(told)?;
    let expected = |booked: &BookedEntry| format!("complete, {}", booked.external_id);
    let mut asked = [
        (first, expected(&booked)),
        (bench.item()?, "absent, next_revision 1".to_owned()),
        (second, expected(&booked_second)),
    ];
    for _ in 0..2 {
        let wanted: Vec<_> = asked.iter().map(|(item, _)| sample::wanted(item)).collect();
        let found = bench.system.find(&wanted).map_err(told)?;
        for ((item, expected), found) in asked.iter().zip(&found) {
            if shown(found) != *expected {
                return Err(format!(
                    "asked for three at once, it says of entry {}: {}, instead of: {expected}",
                    item.entry_id(),
                    shown(found)
                ));
            }
        }
        asked.reverse();
    }
    Ok(Outcome::Passed)
}

fn same_key_twice(bench: &mut Bench) -> Result<Outcome, String> {
    let (item, booked) = bench.first()?;
    bench.must_stay_the_same(&item, &booked)?;
    Ok(Outcome::Passed)
}

fn look_up_after_restart(bench: &mut Bench) -> Result<Outcome, String> {
    let (item, booked) = bench.first()?;
    let before = bench.system.describe();
    bench.system = bench.another()?;
    if bench.system.describe() != before {
        return Err("it calls itself something else now".to_owned());
    }
    bench.must_be_complete(&item, &booked)?;
    Ok(Outcome::Passed)
}

fn unknown_account(bench: &mut Bench) -> Result<Outcome, String> {
    let mut item = bench.item()?;
    let postings = item
        .documents
        .iter_mut()
        .flat_map(|document| &mut document.postings);
    // Only the last one, so that the first must not stay behind alone.
    if let Some(posting) = postings.last() {
        posting.account.reference = UNKNOWN.into();
    }
    match bench.must_be_rejected(&item)? {
        ItemFailureType::AccountUnknown => Ok(Outcome::Passed),
        other => Err(format!("its `type` must be account_unknown, not {other}")),
    }
}

fn closed_period(bench: &mut Bench) -> Result<Outcome, String> {
    let Some(closed) = bench.resolution.closed_until.all else {
        return Ok(Outcome::Skipped(
            "`resolve` names no closed day in `closed_until.all`. Close a period in these books and run this again; \
             where your books have none, set `closed_until` under [bookkeeping]",
        ));
    };
    let mut expense = bench.expense();
    expense.day = closed;
    let item = sample::purchase(&expense, &bench.accounts, &bench.resolution)?;
    bench.must_be_rejected(&item)?;
    Ok(Outcome::Passed)
}

/// An item with two documents: both are there, or it is not complete.
fn bill_and_payment(bench: &mut Bench) -> Result<Outcome, String> {
    if !bench.system.describe().payables {
        return Ok(Outcome::Skipped("it declares no payables"));
    }
    let invoice = sample::new_invoice(&bench.payables)?;
    let asked = sample::references_of_bill(&bench.accounts, &bench.payables, &invoice);
    let resolution = bench.resolve(&asked)?;
    let (account, vendor) = (&bench.payables.account, &bench.payables.vendor);
    if !resolution
        .accounts
        .contains_key(&AccountKey::Configured(account.clone()))
    {
        return Err(format!(
            "account {account} is not in the books: name another by --payable"
        ));
    }
    if !resolution.vendors.contains_key(&invoice.vendor) {
        return Err(format!(
            "vendor {vendor} is not in the books: name another by --vendor"
        ));
    }
    let item = sample::bill(
        &bench.expense(),
        &bench.accounts,
        &bench.payables,
        &invoice,
        &resolution,
    )?;
    bench.must_be_absent(&item)?;
    let booked = bench.book(&item).map_err(told)?;
    bench.with_bill = Some(booked.external_id.clone());
    must_be_kept("find", &item, &bench.must_be_complete(&item, &booked)?)?;
    bench.must_stay_the_same(&item, &booked)?;
    let sides = bench
        .resolve(&asked)?
        .invoices
        .remove(&invoice)
        .unwrap_or_default();
    for (side, name) in [(InvoiceSide::Bill, "bill"), (InvoiceSide::Payment, "payment")] {
        let mut of_item = sides.iter().filter(|one| one.entry_id == *item.entry_id());
        if !of_item.any(|one| one.side == side) {
            return Err(format!(
                "it booked {}, but `resolve` names no {name} under `invoices` for its number: duplicates and bills \
                 that are still to be paid are found by it",
                booked.external_id
            ));
        }
    }
    Ok(Outcome::Passed)
}

fn receipts_twice(bench: &mut Bench) -> Result<Outcome, String> {
    if bench.system.describe().attachments.is_none() {
        return Ok(Outcome::Skipped("it takes none"));
    }
    bench.attach()?;
    bench.attach()?;
    Ok(Outcome::Passed)
}
