//! The books of a large mixed job against a sum that knows nothing of the program.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use crate::paper::{self, Balances, Chart, Prefixes, Sums};
use crate::sandbox::{ItemStatus, seed};
use crate::support::{Books, World};

pub const CHART: Chart = Chart {
    prefixes: Prefixes {
        cost: "Expenses:",
        income: "Income:",
        wallet: "Assets:Pleo:",
        input_tax: "Assets:Tax:",
        output_tax: "Liabilities:Tax:",
    },
    wallet: "Assets:Pleo:Wallet",
    out_of_pocket: "Liabilities:Pleo:OutOfPocket",
    receivable: "Assets:Pleo:EmployeeReceivable",
    payable: "Liabilities:AccountsPayable",
    external: "Liabilities:Pleo:ExternalReimbursement",
    transit: "Assets:Pleo:Transit",
    input_tax: "Assets:Tax:Input",
    output_tax: "Liabilities:Tax:Output",
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

/// Every type and sub-type, as Pleo usually sends them: a contra account on what moves the wallet, tax codes without
/// accounts.
fn usual_payloads() -> Vec<Value> {
    let mut items = seed::mixed(120, 9);
    for item in &mut items {
        for line in item["accountingEntryLines"].as_array_mut().expect("lines") {
            if let Some(tax) = line.get_mut("tax").and_then(Value::as_object_mut) {
                tax.remove("ingoingTaxAccount");
                tax.remove("outgoingTaxAccount");
            }
        }
    }
    items
}

#[test]
fn with_nothing_configured_wallet_tax_and_costs_stand_where_an_accountant_looks_for_them() {
    let world = World::new();
    let items = usual_payloads();
    let kinds: BTreeSet<&str> = items.iter().filter_map(|item| item["type"].as_str()).collect();
    assert_eq!(kinds.len(), 17, "every type is there: {kinds:?}");
    world.add_job(items.clone());
    let answer = world.run(&["poll", "--json"]).exits(0).json();
    let mut stands: BTreeMap<String, Sums> = BTreeMap::new();
    let wallets = [
        "Assets:Pleo:5820",
        "Assets:Pleo:5821",
        "Assets:Pleo:5822",
        "Assets:Pleo:Wallet",
    ];
    for ((account, currency), amount) in booked(&world.books()) {
        let sums = stands.entry(currency).or_default();
        match account.split_once(':').expect("a root") {
            ("Expenses", _) => sums.net_costs += amount,
            ("Income", _) => sums.income += amount,
            _ if account == "Assets:Tax:Input" => sums.input_tax += amount,
            _ if account == "Liabilities:Tax:Output" => sums.output_tax += amount,
            _ if wallets.contains(&account.as_str()) => sums.wallet += amount,
            _ => {}
        }
    }
    let expected = paper::sums(&items);
    assert_eq!(stands, expected);
    let told: BTreeMap<String, i64> = answer["jobs"][0]["wallet"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|told| {
            (
                told["currency"].as_str().expect("a currency").to_owned(),
                hundredths(&told["amount"]),
            )
        })
        .collect();
    let wallets: BTreeMap<String, i64> = expected
        .iter()
        .map(|(currency, sums)| (currency.clone(), sums.wallet))
        .collect();
    assert_eq!(
        told, wallets,
        "the answer tells what to hold against Pleo's balance"
    );
    let mut taxes: BTreeMap<String, i64> = BTreeMap::new();
    for tax in answer["jobs"][0]["taxes"].as_array().expect("a list") {
        if tax["account"] == "Assets:Tax:Input" {
            *taxes
                .entry(tax["currency"].as_str().expect("a currency").to_owned())
                .or_default() += hundredths(&tax["amount"]);
        }
    }
    let expected: BTreeMap<String, i64> = expected
        .iter()
        .map(|(currency, sums)| (currency.clone(), sums.input_tax))
        .collect();
    assert_eq!(taxes, expected, "each tax that was taken for deductible is told");
    world.books().are_clean();
}

/// A decimal text in hundredths.
fn hundredths(amount: &Value) -> i64 {
    amount
        .as_str()
        .expect("a decimal text")
        .replace('.', "")
        .parse()
        .expect("two decimals")
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
