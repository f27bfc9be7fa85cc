//! The books of a large mixed job against a sum that knows nothing of the program.

use std::process::Command;

use crate::paper::{self, Balances, Chart};
use crate::sandbox::{ItemStatus, seed};
use crate::support::{Books, World};

const CHART: Chart = Chart {
    prefix: "Expenses:",
    wallet: "Assets:Pleo:Wallet",
    out_of_pocket: "Liabilities:Pleo:OutOfPocket",
    receivable: "Assets:Pleo:EmployeeReceivable",
    payable: "Liabilities:AccountsPayable",
    external: "Liabilities:Pleo:ExternalReimbursement",
    transit: "Assets:Pleo:Transit",
};

#[test]
fn books_of_500_mixed_items_balance_with_a_sum_from_the_raw_payloads() {
    let world = World::new();
    let items = seed::mixed(500, 42);
    let job = world.add_job(items.clone());
    world.run(&["poll"]).exits(0);
    assert_eq!(world.sandbox.job(&job).count(ItemStatus::Successful), 500);
    assert_eq!(booked(&world.books()), paper::expected(&items, &CHART));
    world.books().has_nothing_twice();
    world.books().are_clean();
    opens_in_fava(&world.books());
    assert_eq!(world.sandbox.broken_rules(), Vec::<String>::new());
}

#[test]
fn numbers_are_gapless_in_each_year() {
    let world = World::new();
    for seed in 1..=3 {
        world.add_mixed_job(40, seed);
    }
    world.run(&["poll"]).exits(0);
    let mut numbers: Vec<String> = world
        .books()
        .transactions()
        .into_iter()
        .filter_map(|t| t.metadata.get("pleo-number").cloned())
        .collect();
    numbers.sort();
    let gapless: Vec<String> = (1..=numbers.len())
        .map(|number| format!("PLEO-2026-{number:06}"))
        .collect();
    assert_eq!(numbers, gapless);
}

/// What the text of the books adds up to, without accounts that are at zero.
fn booked(books: &Books) -> Balances {
    let mut balances = Balances::new();
    for (account, amount) in books
        .transactions()
        .into_iter()
        .flat_map(|transaction| transaction.postings)
    {
        let (number, currency) = amount.split_once(' ').expect("amount and currency");
        let hundredths: i64 = number.replace('.', "").parse().expect("two decimals");
        *balances.entry((account, currency.to_owned())).or_default() += hundredths;
    }
    balances.retain(|_, balance| *balance != 0);
    balances
}

/// Fava's own loader, with the python beside bean-check.
fn opens_in_fava(books: &Books) {
    let Some(program) = std::env::var_os("PLEO_EXPORT_BEAN_CHECK") else {
        return;
    };
    let python = std::path::Path::new(&program).with_file_name("python3");
    let script = "import sys\nfrom fava.core import FavaLedger\nledger = FavaLedger(sys.argv[1])\n\
                  print(len(ledger.errors), [e.message for e in ledger.errors][:3])\n\
                  sys.exit(len(ledger.errors) != 0 or len(ledger.all_entries) < 500)";
    let output = Command::new(python)
        .args(["-c", script])
        .arg(books.folder.join("main.beancount"))
        .output();
    let output = output.expect("python runs");
    assert!(
        output.status.success(),
        "fava: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
