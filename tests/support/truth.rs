//! The promise, checked from outside: each document once, each verdict true, each receipt where it belongs. Reads
//! the books' text and the server's memory; knows nothing of how either came about.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::sandbox::{ItemState, ItemStatus};
use crate::support::{Books, Transaction, World};

/// The types whose money moves through the wallet: as payables they are two documents.
const MOVES_WALLET: [&str; 5] = ["card_purchase", "card_invoice", "refund", "chargeback", "fee"];

impl World {
    /// Nothing is twice in the books, and what Pleo was last told of each entry is so.
    #[track_caller]
    pub fn keeps_its_promise(&self) {
        let books = self.books();
        books.has_nothing_twice();
        let lies = self.lies(&books);
        assert!(lies.is_empty(), "untrue verdicts: {lies:#?}");
    }

    /// The same, and no rule of the contract was broken on the way.
    #[track_caller]
    pub fn keeps_its_promise_and_all_rules(&self) {
        self.keeps_its_promise();
        assert_eq!(self.sandbox.broken_rules(), Vec::<String>::new());
    }

    /// What each entry comes to, with all that took it back, is what its last booking comes to.
    #[track_caller]
    pub fn has_each_entry_once(&self) {
        let transactions = self.books().transactions();
        for entry in self.books().entries() {
            let link = format!("^pleo-{entry}");
            let of_entry = transactions.iter().filter(|transaction| {
                transaction.is("pleo-entry", &entry) || transaction.head.split(' ').any(|word| word == link)
            });
            let last = last_revision(&transactions, &entry);
            assert_eq!(sums(of_entry), sums(last.into_iter()), "{entry}");
        }
    }

    fn lies(&self, books: &Books) -> Vec<String> {
        let transactions = books.transactions();
        let evidence = books.evidence();
        let attached = books.attached();
        let mut last_word: BTreeMap<String, ItemState> = BTreeMap::new();
        let mut in_hand: BTreeSet<String> = BTreeSet::new();
        for item in self.sandbox.jobs().into_iter().flat_map(|job| job.items) {
            match item.status {
                ItemStatus::Successful | ItemStatus::Failed => {
                    in_hand.remove(&item.entry);
                    last_word.insert(item.entry.clone(), item);
                }
                // A later export has it in hand, so an earlier failure is not the last word any more.
                _ => {
                    last_word
                        .retain(|entry, last| *entry != item.entry || last.status == ItemStatus::Successful);
                    in_hand.insert(item.entry);
                }
            }
        }
        let lie = |item: &ItemState| {
            let what = match item.status {
                ItemStatus::Successful => {
                    let mut booking = last_revision(&transactions, &item.entry);
                    // What was told is of an earlier booking while a later one is not told yet.
                    if in_hand.contains(&item.entry) {
                        booking = told(&transactions, item).unwrap_or(booking);
                    }
                    let evidence = evidence.iter().rfind(|line| line["entry"] == *item.entry);
                    untrue_success(item, &booking, evidence, &attached)
                }
                _ => untrue_failure(item, &standing(&transactions, &item.entry)),
            };
            what.map(|what| format!("{}: {what}", item.entry))
        };
        last_word.values().filter_map(lie).collect()
    }
}

fn documents<'a>(transactions: &'a [Transaction], entry: &str) -> Vec<&'a Transaction> {
    let documents = transactions.iter();
    documents
        .filter(|transaction| transaction.is("pleo-entry", entry))
        .collect()
}

/// The booking of an entry whose number was told.
fn told<'a>(transactions: &'a [Transaction], item: &ItemState) -> Option<Vec<&'a Transaction>> {
    let mut documents = documents(transactions, &item.entry);
    let number = item.external_id.as_deref()?;
    let revision = documents
        .iter()
        .find(|document| document.is("pleo-number", number))?
        .metadata
        .get("pleo-revision");
    documents.retain(|document| document.metadata.get("pleo-revision") == revision);
    Some(documents)
}

/// The last booking of an entry, which is the one that was told last, whatever a person has done to it since.
fn last_revision<'a>(transactions: &'a [Transaction], entry: &str) -> Vec<&'a Transaction> {
    let revision = |transaction: &Transaction| -> u32 {
        let revision = transaction.metadata.get("pleo-revision");
        revision.map_or(1, |revision| revision.parse().unwrap())
    };
    let mut documents = documents(transactions, entry);
    let last = documents.iter().map(|document| revision(document)).max();
    documents.retain(|document| Some(revision(document)) == last);
    documents
}

/// The documents of an entry that nobody has taken back: by a mark, or by bringing all of it to zero.
fn standing<'a>(transactions: &'a [Transaction], entry: &str) -> Vec<&'a Transaction> {
    let reversed: BTreeSet<_> = transactions
        .iter()
        .filter_map(|transaction| transaction.metadata.get("pleo-reverses"))
        .collect();
    let mut documents = documents(transactions, entry);
    documents.retain(|document| !reversed.contains(&document.metadata["pleo-number"]));
    let link = format!("^pleo-{entry}");
    let by_hand = transactions.iter().filter(|transaction| {
        let is_other = ["pleo-entry", "pleo-reverses"]
            .iter()
            .all(|key| !transaction.metadata.contains_key(*key));
        is_other && transaction.head.split(' ').any(|word| word == link)
    });
    let by_hand: Vec<_> = by_hand.collect();
    let all = documents.iter().chain(&by_hand).copied();
    if !by_hand.is_empty() && sums(all).is_empty() {
        documents.clear();
    }
    documents
}

/// What transactions come to on each account, in hundredths; zero is left out.
fn sums<'a>(transactions: impl Iterator<Item = &'a Transaction>) -> BTreeMap<&'a str, i64> {
    let mut sums: BTreeMap<&str, i64> = BTreeMap::new();
    for (account, amount) in transactions.flat_map(|transaction| &transaction.postings) {
        let number = amount.split_whitespace().next().unwrap_or_default();
        *sums.entry(account).or_default() += number.replace('.', "").parse::<i64>().unwrap();
    }
    sums.retain(|_, sum| *sum != 0);
    sums
}

fn untrue_success(
    item: &ItemState,
    of_entry: &[&Transaction],
    evidence: Option<&Value>,
    attached: &BTreeSet<(String, String)>,
) -> Option<String> {
    let Some(main) = of_entry
        .iter()
        .find(|transaction| !transaction.metadata.contains_key("pleo-part"))
    else {
        return Some("successful, but not in the books".to_owned());
    };
    let id = item.external_id.as_deref().unwrap_or("nothing");
    if !main.is("pleo-number", id) {
        return Some(format!(
            "reported as {id}, but it is {:?}",
            main.metadata.get("pleo-number")
        ));
    }
    let is_payable = main.is("pleo-document", "vendor-bill") || main.is("pleo-document", "credit-note");
    // Entries of the first version say themselves what others leave to their evidence.
    let said = |key: &str| main.metadata.get(key).cloned().unwrap_or_default();
    let (kind, receipts) = match evidence {
        Some(line) => {
            let receipts = line["receipts"].as_array().into_iter().flatten();
            let receipts = receipts.filter_map(Value::as_str).map(str::to_owned);
            (line["payload"]["type"].to_string(), receipts.collect())
        }
        None if main.metadata.contains_key("pleo-type") => {
            let receipts = said("pleo-receipts");
            let receipts: Vec<String> = receipts.split("; ").map(str::to_owned).collect();
            (said("pleo-type"), receipts)
        }
        None => return Some("successful without evidence".to_owned()),
    };
    let moves_wallet = MOVES_WALLET.contains(&kind.trim_matches('"'));
    if is_payable && moves_wallet && of_entry.len() != 2 {
        return Some("successful, but its payment is not in the books".to_owned());
    }
    let missing = receipts
        .iter()
        .filter(|sha256| !sha256.is_empty())
        .find(|sha256| !attached.contains(&(item.entry.clone(), (*sha256).clone())));
    missing.map(|sha256| format!("successful without its receipt {sha256}"))
}

fn untrue_failure(item: &ItemState, of_entry: &[&Transaction]) -> Option<String> {
    let reason = item.failure_reason.as_deref().unwrap_or_default();
    let admits = reason.starts_with("Booked as ") || reason.starts_with("May be booked: ");
    let denials = reason.matches("Nothing was booked").count();
    match (admits, of_entry.is_empty()) {
        _ if denials != usize::from(!admits) => Some(format!(
            "says {denials} times that nothing was booked: `{reason}`"
        )),
        (false, false) => Some(format!("in the books, but failed with `{reason}`")),
        (true, true) if reason.starts_with("Booked as ") => Some(format!("not in the books, but `{reason}`")),
        _ => None,
    }
}

impl Transaction {
    fn is(&self, key: &str, value: &str) -> bool {
        self.metadata.get(key).is_some_and(|found| found == value)
    }
}

impl Books {
    /// Entry and content of each receipt that the ledger names and the folder holds.
    pub fn attached(&self) -> BTreeSet<(String, String)> {
        let mut attached = BTreeSet::new();
        for (path, text) in self.files() {
            let mut file = None;
            let mut entry = None;
            for line in text.lines() {
                if !line.starts_with(' ') {
                    let named = line.get(10..).filter(|rest| rest.starts_with(" document "));
                    file = named.and_then(|rest| rest.split('"').nth(1)).map(str::to_owned);
                    entry = None;
                } else if let Some(value) = line.trim().strip_prefix("receipt-of: ") {
                    entry = Some(value.trim_matches('"').to_owned());
                } else if let (Some(sha256), Some(file), Some(entry)) =
                    (line.trim().strip_prefix("sha256: "), &file, &entry)
                    && path.parent().is_some_and(|folder| folder.join(file).is_file())
                {
                    attached.insert((entry.clone(), sha256.trim_matches('"').to_owned()));
                }
            }
        }
        attached
    }
}
