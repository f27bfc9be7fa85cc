//! A fleet with a real Odoo 19 as its books, started by `.ci/odoo start`, which prints the environment to set. What stands in
//! the books is read through Odoo's own API, not through the program.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;

use serde_json::{Value, json};

use crate::sandbox::seed::Item;
use crate::sandbox::{Hook, ItemStatus, Job, JobStatus, Trouble};
use crate::stops::wait_for;
use crate::tell;
use crate::world::{Fleet, company};
use books::{MEALS, OUT_OF_POCKET, PAYABLE, Server, TAX, TRAVEL, WALLET};

#[path = "../support/odoo.rs"]
mod books;

/// Expenses of the job, and how many of them are booked and reported together.
const ITEMS: usize = 6;
const BATCH: usize = 2;
/// How long a request to Odoo may take, and so the grace, in seconds.
const TIMEOUT: u64 = 8;

/// A company with the server's Odoo as its books, and its job of expenses, which no other run has used.
fn with_job(server: &Server) -> Option<(Fleet, String)> {
    let fleet = Fleet::of(1)?.with_grace(TIMEOUT);
    let settings = fs::read_to_string(fleet.settings_of(0)).unwrap();
    let (pleo, _) = settings.split_once("[accounting]\n").unwrap();
    let mut settings = pleo.replace("[pleo]\n", &format!("[pleo]\nbatch_size = {BATCH}\n"));
    write!(
        settings,
        "[accounting]\nsystem = \"odoo\"\n[accounting.odoo]\nurl = {:?}\ndatabase = {:?}\napi_key_file = \"odoo.key\"\n\
         create_vendors = true\ntimeout_seconds = {TIMEOUT}\n[bookkeeping]\nposting = \"final\"\n\
         [accounts]\nwallet = \"{WALLET}\"\naccounts_payable = \"{PAYABLE}\"\nout_of_pocket = \"{OUT_OF_POCKET}\"\n\
         [accounts.map]\n6800 = \"{MEALS}\"\n6810 = \"{TRAVEL}\"\n5820 = \"{WALLET}\"\n[taxes.S25]\ncode = \"{TAX}\"\n",
        server.url, server.database,
    )
    .unwrap();
    fs::write(fleet.settings_of(0), settings).unwrap();
    let key = fleet.path("companies/odoo.key");
    fs::write(&key, &server.key).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let seed = fastrand::u64(1 << 20..1 << 40);
    let items = (seed..).take(ITEMS).enumerate().map(|(index, number)| {
        let item = match index % 3 {
            0 => Item::card_purchase(12_500).tax("S25"),
            1 => Item::card_purchase(12_500).receipt("pdf"),
            _ => Item::out_of_pocket(12_500),
        };
        let item = item.numbered(number).set("companyId", json!(company(0)));
        item.build()
    });
    let job = Job::of(items.collect()).of_company(&company(0));
    let job = fleet.sandbox.add_job(job);
    Some((fleet, job))
}

/// The documents of an entry in any state: those that Odoo knows by an external id of the entry's, and those whose origin
/// names it, which must be the same.
fn documents(server: &Server, entry: &str) -> Vec<Value> {
    let pattern = format!("{entry}%");
    let domain = json!([
        ["module", "=", "pleo_export"],
        ["model", "=", "account.move"],
        ["name", "=like", pattern]
    ]);
    let named = server.search("ir.model.data", domain, &["res_id"]);
    let named: Vec<&Value> = named.iter().map(|name| &name["res_id"]).collect();
    let domain = json!([["invoice_origin", "=like", format!("pleo {entry} %")]]);
    let documents = server.search("account.move", domain, &["name", "state", "amount_total"]);
    let ids: Vec<&Value> = documents.iter().map(|document| &document["id"]).collect();
    assert_eq!(named, ids, "{entry}");
    documents
}

#[test]
fn killed_in_mid_job_its_company_is_served_by_another_host_with_each_document_once() {
    let Some(server) = books::server() else {
        tell("fleet: a real Odoo as books did NOT run (begin one with .ci/odoo start, set what it prints)");
        return;
    };
    let Some((fleet, job)) = with_job(server) else {
        return;
    };
    let booked = || {
        let items = fleet.sandbox.job(&job).items;
        let counts = items.iter().map(|item| documents(server, &item.entry).len());
        counts.sum::<usize>()
    };

    // The verdicts of the second batch never arrive: it is in Odoo, and Pleo knows nothing of it.
    let ((asked, held), (die, died)) = (channel(), channel::<()>());
    let count = AtomicUsize::new(0);
    fleet.sandbox.on_request(move |request| {
        let is_verdict = request.body[0]["status"] == "successful";
        if !is_verdict || count.fetch_add(1, Ordering::SeqCst) != 1 {
            return Hook::Continue;
        }
        asked.send(()).unwrap();
        // Until the worker is dead, or the test has failed.
        let _ = died.recv();
        Hook::Trouble(Trouble::ResetBeforeEffect)
    });
    let mut first = fleet.host("first").begin();
    let is_held = wait_for(&held, &mut first);
    assert!(
        is_held.is_some(),
        "it ended before: {}{:#?}",
        first.log(),
        fleet.sandbox.job(&job)
    );
    first.child.kill().unwrap();
    first.child.wait().unwrap();
    drop(die);
    assert_eq!(booked(), 2 * BATCH);
    assert_eq!(fleet.sandbox.job(&job).count(ItemStatus::Successful), BATCH);

    fleet
        .host("second")
        .rounds_until("another host finishes the job", || fleet.is_done());
    let told = fleet.sandbox.job(&job);
    assert_eq!(told.status, JobStatus::Completed, "{told:#?}");
    for item in &told.items {
        let documents = documents(server, &item.entry);
        let [document] = &documents[..] else {
            panic!("{item:?} is in Odoo {} times: {documents:?}", documents.len());
        };
        assert_eq!(item.status, ItemStatus::Successful, "{item:?}");
        assert_eq!(document["state"], "posted", "{document}");
        assert_eq!(document["amount_total"], 125.0, "{document}");
        assert_eq!(item.external_id.as_deref(), document["name"].as_str(), "{item:?}");
        let link = item.external_url.as_deref().unwrap();
        assert!(
            link.ends_with(&format!("res_id={}", document["id"])),
            "{link} is not {document}"
        );
    }
    assert_eq!(booked(), ITEMS);
    assert_eq!(fleet.sandbox.broken_rules(), Vec::<String>::new());
    tell(&format!(
        "fleet, a real Odoo as books: killed in mid-job and taken over, {ITEMS} documents, each there once"
    ));
}
