//! The books of a large mixed job against a sum that knows nothing of the program: read from the raw payloads, with
//! the accounting of each type written down once more, as a bookkeeper would on paper.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use crate::sandbox::{ItemStatus, seed};
use crate::support::{Books, World};

/// Hundredths by account and currency.
type Balances = BTreeMap<(String, String), i64>;

const OUT_OF_POCKET: &str = "Liabilities:Pleo:OutOfPocket";
const RECEIVABLE: &str = "Assets:Pleo:EmployeeReceivable";
const PAYABLE: &str = "Liabilities:AccountsPayable";
const EXTERNAL: &str = "Liabilities:Pleo:ExternalReimbursement";
const TRANSIT: &str = "Assets:Pleo:Transit";

#[test]
fn books_of_500_mixed_items_balance_with_a_sum_from_the_raw_payloads() {
    let world = World::new();
    let items = seed::mixed(500, 42);
    let job = world.add_job(items.clone());
    world.run(&["poll"]).exits(0);
    assert_eq!(world.sandbox.job(&job).count(ItemStatus::Successful), 500);
    assert_eq!(booked(&world.books()), expected(&items));
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

fn expected(items: &[Value]) -> Balances {
    let mut balances = Balances::new();
    for item in items {
        Sheet {
            item,
            balances: &mut balances,
        }
        .book();
    }
    balances.retain(|_, balance| *balance != 0);
    balances
}

/// One item, on paper.
struct Sheet<'a> {
    item: &'a Value,
    balances: &'a mut Balances,
}

impl Sheet<'_> {
    fn book(&mut self) {
        let amount = hundredths(&self.item["amount"]);
        let returned = amount.abs();
        let wallet = self.wallet();
        match (text(&self.item["type"]), text(&self.item["subType"])) {
            ("card_purchase" | "card_invoice" | "fee", _) => {
                self.lines(1);
                self.add(&wallet, -amount);
            }
            ("invoice", _) => {
                self.lines(1);
                self.add(PAYABLE, -amount);
            }
            ("out_of_pocket" | "mileage" | "per_diem", _) => {
                self.lines(1);
                self.add(OUT_OF_POCKET, -amount);
            }
            ("refund" | "chargeback" | "cashback", _) => {
                self.lines(-amount.signum());
                self.add(&wallet, returned);
            }
            ("invoice_payment", "invoice_payment_returned") => self.transfer(&wallet, PAYABLE, returned),
            ("invoice_payment", _) => self.transfer(PAYABLE, &wallet, amount),
            (_, "reimbursement_to_employee_refund") => self.transfer(&wallet, OUT_OF_POCKET, returned),
            (_, "reimbursement_to_company") => self.transfer(&wallet, RECEIVABLE, returned),
            ("direct_reimbursement", _) => self.transfer(OUT_OF_POCKET, &wallet, amount),
            ("external_reimbursement", _) => self.transfer(OUT_OF_POCKET, EXTERNAL, amount),
            ("atm_withdrawal" | "personal_spend", _) => self.transfer(RECEIVABLE, &wallet, amount),
            ("wallet_topup", _) => self.transfer(&wallet, TRANSIT, returned),
            ("wallet_unload", _) => self.transfer(TRANSIT, &wallet, returned),
            other => panic!("no rule on paper for {other:?}"),
        }
    }

    /// Cost and tax of each line; `sign` is -1 where money comes back with positive figures.
    fn lines(&mut self, sign: i64) {
        for line in self.item["accountingEntryLines"].as_array().expect("lines") {
            let (line_amount, net) = (hundredths(&line["lineAmount"]), hundredths(&line["netAmount"]));
            let gross = if line_amount.abs() >= net.abs() {
                line_amount
            } else {
                net
            };
            let tax = &line["tax"];
            let tax_amount = if tax.is_null() {
                0
            } else {
                hundredths(&tax["amount"])
            };
            let cost = format!("Expenses:{}", text(&line["account"]["code"]));
            let account = |key: &str| format!("Expenses:{}", text(&tax[key]));
            if tax_amount == 0 {
                self.add(&cost, sign * gross);
            } else if text(&tax["type"]) == "reverse" {
                self.add(&cost, sign * gross);
                self.transfer(
                    &account("ingoingTaxAccount"),
                    &account("outgoingTaxAccount"),
                    sign * tax_amount,
                );
            } else {
                self.add(&cost, sign * (gross - tax_amount));
                self.add(&account("ingoingTaxAccount"), sign * tax_amount);
            }
        }
    }

    fn wallet(&self) -> String {
        match self.item["contraAccount"]["code"].as_str() {
            Some(code) => format!("Expenses:{code}"),
            None => "Assets:Pleo:Wallet".to_owned(),
        }
    }

    fn transfer(&mut self, debit: &str, credit: &str, amount: i64) {
        self.add(debit, amount);
        self.add(credit, -amount);
    }

    fn add(&mut self, account: &str, amount: i64) {
        let currency = text(&self.item["amount"]["inWalletCurrency"]["currency"]).to_owned();
        *self.balances.entry((account.to_owned(), currency)).or_default() += amount;
    }
}

fn hundredths(money: &Value) -> i64 {
    money["inWalletCurrency"]["value"].as_i64().expect("hundredths")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
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
