//! Snapshots: a change of wording is a change for people, so it is seen in review.

use insta::assert_snapshot;

use crate::sandbox::seed::{self, Item};
use crate::sandbox::{Fault, Trouble};
use crate::support::{Run, World};

/// What differs from run to run, put out of the way.
fn settled(run: &Run, world: &World) -> String {
    let folder = world.path("");
    let text = format!("{}{}", run.stdout, run.stderr)
        .replace(folder.to_str().unwrap(), "FOLDER/")
        .replace(world.sandbox.url(), "PLEO");
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

macro_rules! filtered {
    ($($body:tt)*) => {
        insta::with_settings!({filters => vec![
            (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID"),
            (r"\b[0-9a-f]{8}\b", "HEAD"),
            (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME"),
            (r"tries: \d+", "tries: N"),
            (r"each of \d+ tries", "each of N tries"),
            (r"(in|now|\d+) ?\d* (s|min)( ago)?", "LENGTH"),
        ]}, { $($body)* });
    };
}

#[test]
#[cfg(feature = "listen")]
fn help() {
    let world = World::new();
    let text = [
        "poll",
        "run-job",
        "resume",
        "check",
        "preview",
        "verify",
        "prune-evidence",
        "reverse",
        "status",
        "login",
        "logout",
        "subscribe",
        "listen",
    ]
    .map(|command| world.run(&[command, "-h"]).exits(0).stdout);
    assert_snapshot!(text.join("\n"));
    assert_snapshot!("help_of_all", world.run(&["--help"]).exits(0).stdout);
}

#[test]
fn every_problem_with_the_settings_at_once() {
    let world = World::new()
        .with_settings(
            "[pleo]\ncompany_id = 7\nbase_url = 'http://pleo.example'\nbatch_size = 101\nbatchsize = 5\n\
             [bookkeping]\nposting = 'draft'\n\
             [bookkeeping]\nposting = 'finished'\ntime_zone = 'Copenhagen'\nclosed_until = '31.03.2026'\n\
             [accounts]\nwallet = 'wallet'\n[accounts.map]\n6800 = 'Expenses:meals'\n\
             [taxes.S25]\ndeductible = 1.5\nrate = 25\n[accounting]\nsystem = 'sap'\n",
        )
        .with_variable("PLEO_ACCESS_TOKEN", "token")
        .with_variable("PLEO_COMPANY_ID", "")
        .with_variable("PLEO_BASE_URL", "");
    assert_snapshot!(settled(&world.run(&["poll"]).exits(2), &world));
    assert_eq!(world.sandbox.request_count(), 0);
}

#[test]
fn the_outcome_of_a_job() {
    let world = World::new();
    world.add_job(seed::quickstart());
    filtered! { assert_snapshot!(settled(&world.run(&["poll", "-q"]).exits(3), &world)); }
    filtered! { assert_snapshot!("status_after_a_job", settled(&world.run(&["status"]).exits(0), &world)); }
}

#[test]
fn errors_of_the_run() {
    let world = World::new().impatient();
    let text = |arguments: &[&str], code| settled(&world.run(arguments).exits(code), &world);
    filtered! { assert_snapshot!("a_job_id_that_is_none", text(&["run-job", "7"], 2)); }
    filtered! {
        assert_snapshot!("a_job_that_pleo_does_not_know", text(&["run-job", "7e57c0de-0000-4000-8000-000000000bad"], 2));
    }
    let refused = world.run_with("PLEO_API_KEY", "wrong", &["poll"]).exits(2);
    filtered! { assert_snapshot!("a_credential_that_pleo_rejects", settled(&refused, &world)); }
    world.sandbox.fault(Fault::new(Trouble::Status(503)).always());
    filtered! { assert_snapshot!("pleo_out_of_reach", text(&["poll", "-q"], 5)); }
    world.sandbox.clear_faults();
    world.sandbox.fault(Fault::new(Trouble::HtmlPage).always());
    filtered! { assert_snapshot!("html_instead_of_json", text(&["poll", "-q"], 1)); }
}

#[test]
fn refusals_are_grouped_by_cause_with_counts() {
    let world = World::new()
        .with_settings("[bookkeeping]\nunknown_accounts = 'fail'\n[accounts.map]\n5820 = 'Assets:Wallet'\n");
    let mut items: Vec<_> = (0..3)
        .map(|_| Item::card_purchase(500).account("6800").build())
        .collect();
    items.push(Item::card_purchase(900).without_account().build());
    world.add_job(items);
    let run = world.run(&["poll"]).exits(3);
    let log: Vec<_> = run
        .stderr
        .lines()
        .filter_map(|line| Some(line.split_once("will fail: ")?.1))
        .collect();
    assert_snapshot!(log.join("\n"));
}

#[test]
fn a_remark_stands_once_in_an_entry() {
    let world = World::new();
    let mut item = Item::card_purchase(12_500).date("2062-09-14T10:30:00Z").build();
    item["amount"]["inSupplierCurrency"]["value"] = serde_json::json!(99.5);
    world.add_job(vec![item]);
    world.run(&["poll"]).exits(0);
    let entry = world.books().transactions().remove(0);
    let remarks = world.books().remarks(&entry.metadata["pleo-entry"]);
    assert_eq!(remarks.len(), 2, "{remarks:?}");
    assert_eq!(
        remarks[0],
        "the amount in the supplier's currency of the expense is 99.5, not a whole number of hundredths, so it is left out"
    );
    assert!(
        remarks[1].starts_with("the expense is dated 2062-09-14, more than a month after"),
        "{remarks:?}"
    );
}

#[test]
fn an_invoice_without_a_number_is_told_in_a_bookkeepers_words() {
    let world = World::new();
    let numbers = [
        None,
        Some(""),
        Some(" \u{a0}"),
        Some("\u{200b}"),
        Some("\u{feff}\u{2060} "),
    ];
    for number in numbers {
        let invoice = serde_json::json!({ "invoiceNumber": number, "invoiceDate": "2026-09-01" });
        let item = Item::invoice(12_500).vendor("V1").method("accounts_payable");
        let job = world.add_job(vec![item.additional("invoiceInformation", invoice).build()]);
        world.run(&["poll"]).exits(3);
        assert_eq!(
            world.sandbox.job(&job).items[0].failure_reason.as_deref(),
            Some("The invoice has no number: enter it in Pleo, then export again. Nothing was booked."),
            "{number:?}"
        );
    }
    world.keeps_its_promise_and_all_rules();
}
