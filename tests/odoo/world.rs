//! The program with an Odoo behind it: a company whose chart of accounts in Odoo is that of the sandbox, with `59`
//! before each code. Everything an integrator would write down is in [`settings`]; nothing else differs from beancount.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use pleo_export::model::money::Amount;
use serde_json::{Value, json};

use crate::paper::{Balances, Chart, Prefixes};
use crate::program::World;
use crate::sandbox::seed::{ACCOUNTS, CONTRA_ACCOUNTS, TAGS, TAXES};
use crate::support::{FX, OUT_OF_POCKET, PAYABLE, Server, WALLET};

const RECEIVABLE: &str = "590001";
const TRANSIT: &str = "590002";
const EXTERNAL: &str = "590003";

/// The company's accounts as Odoo has them.
pub(crate) const CHART: Chart = Chart {
    prefixes: Prefixes::all("59"),
    wallet: WALLET,
    out_of_pocket: OUT_OF_POCKET,
    receivable: RECEIVABLE,
    payable: PAYABLE,
    external: EXTERNAL,
    transit: TRANSIT,
    input_tax: "",
    output_tax: "",
};

/// A number that no other run has used: entries and invoices of an earlier run are still in Odoo.
pub(crate) fn new_seed() -> u64 {
    let seed = fastrand::u64(1 << 20..1 << 40);
    println!("items of seed {seed}");
    seed
}

/// A company with its own Pleo and checkpoint, and the server's Odoo for its books.
pub(crate) fn world(server: &Server) -> World {
    world_at(server, &server.url, "")
}

/// The same with another address for Odoo, and with more settings.
pub(crate) fn world_at(server: &Server, url: &str, more: &str) -> World {
    prepare(server);
    World::new()
        .with_settings(&settings(&server.database, url, more))
        .with_variable("ODOO_API_KEY", &server.key)
}

/// A file of settings; `more` stands before the tables and may begin some of its own.
pub(crate) fn settings(database: &str, url: &str, more: &str) -> String {
    let posting = if more.contains("posting") {
        ""
    } else {
        "posting = \"final\""
    };
    let mut text = format!(
        "[accounting]\nsystem = \"odoo\"\n\
         [accounting.odoo]\nurl = \"{url}\"\ndatabase = \"{database}\"\ncreate_vendors = true\n\
         [accounts]\nwallet = \"{WALLET}\"\nout_of_pocket = \"{OUT_OF_POCKET}\"\n\
         employee_receivable = \"{RECEIVABLE}\"\naccounts_payable = \"{PAYABLE}\"\ncontra = \"{TRANSIT}\"\n\
         external_reimbursement = \"{EXTERNAL}\"\nfx_difference = \"{FX}\"\n[accounts.map]\n"
    );
    for code in codes() {
        writeln!(text, "\"{code}\" = \"59{code}\"").unwrap();
    }
    for tax in TAXES {
        writeln!(text, "[taxes.\"{0}\"]\ncode = \"Pleo {0}\"", tax.code).unwrap();
    }
    format!("{text}[bookkeeping]\n{posting}\n{more}\n")
}

/// Every account of the sandbox that is not one of tax, which Odoo's taxes bring along.
fn codes() -> impl Iterator<Item = &'static str> {
    let wallets = CONTRA_ACCOUNTS.iter().map(|(_, (code, _))| *code);
    ACCOUNTS.iter().map(|(code, _)| *code).chain(wallets)
}

/// Sets the company up in Odoo, once in the life of a database.
fn prepare(server: &Server) {
    static PREPARED: Mutex<()> = Mutex::new(());
    let _one_at_a_time = PREPARED.lock().unwrap_or_else(PoisonError::into_inner);
    let marker = json!([["code", "=", EXTERNAL]]);
    if !server.search("account.account", marker, &["id"]).is_empty() {
        return;
    }
    for currency in ["EUR", "GBP"] {
        server.activate(currency, 7.5);
    }
    analytic_accounts(server);
    let is_wallet = |code: &str| CONTRA_ACCOUNTS.iter().any(|(_, (own, _))| *own == code);
    let kind = |code: &str| if is_wallet(code) { "asset_cash" } else { "expense" };
    let mut accounts: Vec<Value> = codes()
        .map(|code| account(&format!("59{code}"), kind(code)))
        .collect();
    accounts
        .extend(["1510", "1511", "1512", "2612"].map(|code| account(&format!("59{code}"), "asset_current")));
    server.call("account.account", "create", json!({ "vals_list": accounts }));
    taxes(server);
    let rest = [
        account(RECEIVABLE, "asset_current"),
        account(TRANSIT, "asset_current"),
        account(EXTERNAL, "liability_current"),
    ];
    server.call("account.account", "create", json!({ "vals_list": rest }));
}

fn account(code: &str, kind: &str) -> Value {
    json!({ "code": code, "name": format!("Pleo {code}"), "account_type": kind })
}

fn analytic_accounts(server: &Server) {
    for group in ["DEPT", "PROJECT"] {
        let plan = server.call(
            "account.analytic.plan",
            "create",
            json!({ "vals_list": [{ "name": group }] }),
        );
        let own = TAGS.iter().filter(|(of_group, _)| *of_group == group);
        let accounts: Vec<Value> = own
            .map(|(_, code)| json!({ "name": format!("Tag {code}"), "code": code, "plan_id": plan[0] }))
            .collect();
        server.call(
            "account.analytic.account",
            "create",
            json!({ "vals_list": accounts }),
        );
    }
}

/// Taxes as an accountant sets them up in Odoo: the base, the tax on its account, and for reverse charge its opposite.
fn taxes(server: &Server) {
    let ids = server.account_ids();
    let taxes: Vec<Value> = TAXES
        .iter()
        .map(|tax| {
            let side = |code: Option<&str>, percent: i32| {
                let account = code.map(|code| ids[&format!("59{code}")].clone());
                json!([0, 0, { "repartition_type": "tax", "factor_percent": percent, "account_id": account }])
            };
            let mut lines = vec![
                json!([0, 0, { "repartition_type": "base" }]),
                side(tax.ingoing, 100),
            ];
            lines.extend(tax.outgoing.map(|code| side(Some(code), -100)));
            json!({
                "name": format!("Pleo {}", tax.code),
                "type_tax_use": "purchase",
                "amount_type": "percent",
                "amount": tax.basis_points / 100,
                "price_include_override": "tax_excluded",
                "invoice_repartition_line_ids": lines,
                "refund_repartition_line_ids": lines,
            })
        })
        .collect();
    server.call("account.tax", "create", json!({ "vals_list": taxes }));
}

impl Server {
    /// What the posted documents of these entries add up to, per account and currency, read through Odoo's own API.
    pub(crate) fn balances(&self, entries: &[String]) -> Balances {
        let codes: BTreeMap<String, String> = self
            .account_ids()
            .into_iter()
            .map(|(code, id)| (id.to_string(), code))
            .collect();
        let moves: Vec<Value> = self
            .moves(entries)
            .into_iter()
            .filter(|document| document["state"] == "posted")
            .map(|document| document["id"].clone())
            .collect();
        let lines = self.search(
            "account.move.line",
            json!([["move_id", "in", moves]]),
            &["account_id", "amount_currency", "currency_id"],
        );
        let mut balances = Balances::new();
        for line in lines {
            let account = codes[&line["account_id"][0].to_string()].clone();
            let currency = line["currency_id"][1].as_str().unwrap().to_owned();
            let amount: Amount = line["amount_currency"].to_string().parse().unwrap();
            *balances.entry((account, currency)).or_default() += amount.in_hundredths();
        }
        balances.retain(|_, balance| *balance != 0);
        balances
    }

    /// Every document of these entries, in any state, without reversals.
    pub(crate) fn moves(&self, entries: &[String]) -> Vec<Value> {
        let mut domain = vec![json!(["reversed_entry_id", "=", false])];
        domain.extend(entries.iter().skip(1).map(|_| json!("|")));
        domain.extend(
            entries
                .iter()
                .map(|entry| json!(["invoice_origin", "=like", format!("pleo {entry} %")])),
        );
        let fields = [
            "name",
            "state",
            "date",
            "move_type",
            "payment_state",
            "invoice_origin",
            "origin_payment_id",
            "amount_total",
        ];
        self.search("account.move", Value::Array(domain), &fields)
    }

    fn account_ids(&self) -> BTreeMap<String, Value> {
        self.search("account.account", json!([]), &["code"])
            .into_iter()
            .map(|account| {
                (
                    account["code"].as_str().unwrap().to_owned(),
                    account["id"].clone(),
                )
            })
            .collect()
    }
}
