//! The job of the proof. What must become of an item is told from its payload alone, not from what the program did.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::sandbox::seed::{self, Item, entry_id};
use crate::sandbox::{self, Options};
use crate::support::World;

/// Where the seed of the mixed items begins; any number will do.
const SEED: u64 = 7;

/// Types whose money moves through the wallet at once, so that a bill of theirs is paid in the same breath.
const BILLED_AND_PAID: [&str; 4] = ["card_purchase", "card_invoice", "refund", "chargeback"];

/// Items to export.
pub struct Job {
    items: Vec<Value>,
    batch_size: usize,
    bug: Option<&'static str>,
}

/// What must become of an item.
#[derive(Debug, PartialEq, Eq)]
pub enum Fate {
    /// In the books with these parts and with receipts of these sizes in bytes.
    Booked {
        parts: BTreeSet<&'static str>,
        receipts: Vec<u64>,
    },
    /// Refused with this type; nothing of it in the books.
    Refused(&'static str),
}

impl Job {
    /// So many items of every type: bills with their payments, receipts with every fourth, and four refusals.
    pub fn of(count: usize, batch_size: usize) -> Self {
        let mut items = seed::mixed(count - 4, SEED);
        for (index, item) in items.iter_mut().enumerate() {
            if index % 4 != 0 {
                item.as_object_mut().unwrap().remove("files");
            }
        }
        let numbered = |number: usize| Item::card_purchase(1_000).id(&entry_id(SEED + 1, number));
        items.push(numbered(0).without_account().build());
        items.push(numbered(1).date("2026-02-01T08:00:00Z").without_account().build());
        items.push(numbered(2).date("2026-05-01T08:00:00Z").missing_receipt().build());
        items.push(
            numbered(3)
                .date("2026-07-01T08:00:00Z")
                .set("type", Value::from("lottery_ticket"))
                .build(),
        );
        Self {
            items,
            batch_size,
            bug: None,
        }
    }

    /// Every process that works on it has this deliberate bug.
    pub fn with_bug(self, bug: &'static str) -> Self {
        Self {
            bug: Some(bug),
            ..self
        }
    }

    /// A world in which the job waits, and its id.
    pub fn waiting(&self) -> (World, String) {
        let mut world = World::with_options(Options {
            page_size_max: 40,
            ..Options::default()
        })
        .with_settings(&format!("[pleo]\nbatch_size = {}\n", self.batch_size))
        // Nothing here speaks TLS, and reading all certificates of the system takes longer than many a whole run.
        .with_variable(
            "SSL_CERT_FILE",
            concat!(env!("CARGO_MANIFEST_DIR"), "/tests/promise/certificate.pem"),
        );
        if let Some(bug) = self.bug {
            world = world.with_bug(bug);
        }
        let id = world.sandbox.add_job(sandbox::Job::of(self.items.clone()));
        (world, id)
    }

    /// What must become of each item, by accounting entry.
    pub fn fates(&self) -> BTreeMap<String, Fate> {
        let fates = self.items.iter().map(|item| (entry_of(item), fate(item)));
        fates.collect()
    }
}

fn entry_of(item: &Value) -> String {
    item["accountingEntryId"].as_str().unwrap().to_owned()
}

fn fate(item: &Value) -> Fate {
    let kind = item["type"].as_str().unwrap();
    if kind == "lottery_ticket" {
        return Fate::Refused("validation_failure");
    }
    let files = item["files"].as_array().map_or(&[][..], Vec::as_slice);
    if files.iter().any(|file| file["url"] == "receipt:missing") {
        return Fate::Refused("receipt_download_failure");
    }
    let lines = item["accountingEntryLines"].as_array().unwrap();
    if kind == "card_purchase" && lines.iter().any(|line| line["account"].is_null()) {
        return Fate::Refused("missing_configuration");
    }
    let is_bill = item["bookkeeping"]["method"] == "accounts_payable";
    let parts: &[_] = if is_bill && BILLED_AND_PAID.contains(&kind) {
        &["main", "payment"]
    } else {
        &["main"]
    };
    let mut receipts: Vec<u64> = files.iter().map(|file| file["size"].as_u64().unwrap()).collect();
    receipts.sort_unstable();
    Fate::Booked {
        parts: parts.iter().copied().collect(),
        receipts,
    }
}
