//! What it costs to read and plan an item, beside parsing its JSON into a general value, which is the least that any
//! program has to do.
#![allow(
    clippy::unwrap_used,
    reason = "a benchmark that cannot go on has nothing to measure"
)]

#[path = "../examples/sandbox/server/mod.rs"]
mod sandbox;

use std::sync::Arc;

use divan::{Bencher, black_box};
use pleo_export::bookkeeping::{self, JobView, Settings, SystemTraits, TaxRule};
use pleo_export::model::document::PostingState;
use pleo_export::model::ids::JobId;
use pleo_export::model::references::{Account, Candidates, Resolution, Vendor};
use pleo_export::pleo::wire;

const ITEMS: usize = 1000;

fn main() {
    divan::main();
}

fn payloads() -> Vec<String> {
    sandbox::seed::mixed(ITEMS, 1)
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[divan::bench]
fn parse_into_a_general_value(bencher: Bencher<'_, '_>) {
    let payloads = payloads();
    bencher.bench(|| {
        for payload in &payloads {
            black_box(serde_json::from_str::<serde_json::Value>(payload).unwrap());
        }
    });
}

#[divan::bench]
fn read_into_the_model(bencher: Bencher<'_, '_>) {
    let payloads = payloads();
    bencher.bench(|| {
        for payload in &payloads {
            black_box(wire::export_item(payload).unwrap());
        }
    });
}

#[divan::bench]
fn plan_what_was_read(bencher: Bencher<'_, '_>) {
    let items: Vec<_> = payloads()
        .iter()
        .map(|payload| wire::export_item(payload).unwrap())
        .collect();
    let settings = settings();
    let system = SystemTraits {
        payables: true,
        computes_tax: false,
        keeps_vendors: true,
    };
    let mut view = JobView::new(Resolution::default(), "2026-11-22".parse().unwrap(), system);
    for item in &items {
        let references = bookkeeping::references(item, &settings, &system);
        for key in references.accounts.into_keys() {
            let account = Account::open(key.text(), key.text());
            view.resolution.accounts.insert(key, Candidates::one(account));
        }
        for (key, name) in references.vendors {
            view.resolution.vendors.insert(
                key,
                Vendor {
                    reference: name.as_str().into(),
                    name,
                },
            );
        }
        view.resolution
            .tags
            .extend(references.tags.into_iter().map(|tag| (tag, "".into())));
    }
    let job = JobId::new("job");
    let items: Vec<Arc<_>> = items.into_iter().map(Arc::new).collect();
    bencher.bench(|| {
        for item in &items {
            black_box(bookkeeping::plan(item, &job, 1, &settings, &view).unwrap());
        }
    });
}

fn settings() -> Settings {
    Settings {
        posting: PostingState::Draft,
        closed_until: None,
        closed_periods: bookkeeping::ClosedPeriods::Fail,
        time_zone: chrono_tz::Europe::Copenhagen,
        duplicate_invoices: bookkeeping::DuplicateInvoices::Fail,
        vendor_codes: [].into(),
        roles: bookkeeping::Role::ALL
            .iter()
            .map(|role| (*role, role.as_str().to_owned()))
            .collect(),
        role_defaults: std::collections::BTreeMap::new(),
        map: std::collections::BTreeMap::new(),
        taxes: std::collections::BTreeMap::<String, TaxRule>::new(),
    }
}
