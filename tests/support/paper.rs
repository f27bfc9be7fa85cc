//! Accounting on paper: the balances that raw payloads must lead to, with the accounting of each type written down once
//! more, as a bookkeeper would. It knows nothing of the program.

use std::collections::BTreeMap;

use serde_json::Value;

/// Hundredths by account and currency.
pub type Balances = BTreeMap<(String, String), i64>;

/// What the accounts are called in the books.
pub struct Chart {
    /// Stands before an account code of Pleo's, by what the account is for.
    pub prefixes: Prefixes,
    pub wallet: &'static str,
    pub out_of_pocket: &'static str,
    pub receivable: &'static str,
    pub payable: &'static str,
    pub external: &'static str,
    pub transit: &'static str,
    pub input_tax: &'static str,
    pub output_tax: &'static str,
}

/// What stands before a code, by what its account is for.
pub struct Prefixes {
    pub cost: &'static str,
    pub income: &'static str,
    pub wallet: &'static str,
    pub input_tax: &'static str,
    pub output_tax: &'static str,
}

impl Prefixes {
    pub const fn all(prefix: &'static str) -> Self {
        Self {
            cost: prefix,
            income: prefix,
            wallet: prefix,
            input_tax: prefix,
            output_tax: prefix,
        }
    }
}

/// What the raw payloads add up to in a currency, whatever the accounts are called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// What went into the wallet, less what went out.
    pub wallet: i64,
    /// Tax that may be deducted.
    pub input_tax: i64,
    /// Tax that is owed under reverse charge, which is a credit.
    pub output_tax: i64,
    /// What was spent without that tax.
    pub net_costs: i64,
    /// What cashback brought, which is a credit.
    pub income: i64,
}

/// The sums by currency.
pub fn sums(items: &[Value]) -> BTreeMap<String, Sums> {
    let parts = Chart {
        prefixes: Prefixes {
            cost: "cost:",
            income: "income:",
            wallet: "wallet:",
            input_tax: "in:",
            output_tax: "out:",
        },
        wallet: "wallet:",
        out_of_pocket: "people:",
        receivable: "people:",
        payable: "vendors:",
        external: "people:",
        transit: "bank:",
        input_tax: "in:",
        output_tax: "out:",
    };
    let mut sums: BTreeMap<String, Sums> = BTreeMap::new();
    for ((account, currency), amount) in expected(items, &parts) {
        let sums = sums.entry(currency).or_default();
        match account.split(':').next() {
            Some("wallet") => sums.wallet += amount,
            Some("in") => sums.input_tax += amount,
            Some("out") => sums.output_tax += amount,
            Some("cost") => sums.net_costs += amount,
            Some("income") => sums.income += amount,
            _ => {}
        }
    }
    sums
}

/// What the items add up to, without accounts that are at zero.
pub fn expected(items: &[Value], chart: &Chart) -> Balances {
    let mut balances = Balances::new();
    for item in items {
        Sheet {
            item,
            chart,
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
    chart: &'a Chart,
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
                self.add(self.chart.payable, -amount);
            }
            ("out_of_pocket" | "mileage" | "per_diem", _) => {
                self.lines(1);
                self.add(self.chart.out_of_pocket, -amount);
            }
            ("refund" | "chargeback" | "cashback", _) => {
                self.lines(-amount.signum());
                self.add(&wallet, returned);
            }
            ("invoice_payment", "invoice_payment_returned") => {
                self.transfer(&wallet, self.chart.payable, returned);
            }
            ("invoice_payment", _) => self.transfer(self.chart.payable, &wallet, amount),
            (_, "reimbursement_to_employee_refund") => {
                self.transfer(&wallet, self.chart.out_of_pocket, returned);
            }
            (_, "reimbursement_to_company") => self.transfer(&wallet, self.chart.receivable, returned),
            ("direct_reimbursement", _) => self.transfer(self.chart.out_of_pocket, &wallet, amount),
            ("external_reimbursement", _) => {
                self.transfer(self.chart.out_of_pocket, self.chart.external, amount);
            }
            ("atm_withdrawal" | "personal_spend", _) => self.transfer(self.chart.receivable, &wallet, amount),
            ("wallet_topup", _) => self.transfer(&wallet, self.chart.transit, returned),
            ("wallet_unload", _) => self.transfer(self.chart.transit, &wallet, returned),
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
            let Chart {
                prefixes,
                input_tax,
                output_tax,
                ..
            } = self.chart;
            let is_income = text(&self.item["type"]) == "cashback";
            let prefix = if is_income { prefixes.income } else { prefixes.cost };
            let cost = format!("{prefix}{}", text(&line["account"]["code"]));
            let named = |key: &str, prefix: &str, role: &str| match &tax[key] {
                Value::Null => role.to_owned(),
                code => format!("{prefix}{}", text(code)),
            };
            let ingoing = named("ingoingTaxAccount", prefixes.input_tax, input_tax);
            let outgoing = named("outgoingTaxAccount", prefixes.output_tax, output_tax);
            if tax_amount == 0 {
                self.add(&cost, sign * gross);
            } else if text(&tax["type"]) == "reverse" {
                self.add(&cost, sign * gross);
                self.transfer(&ingoing, &outgoing, sign * tax_amount);
            } else {
                self.add(&cost, sign * (gross - tax_amount));
                self.add(&ingoing, sign * tax_amount);
            }
        }
    }

    fn wallet(&self) -> String {
        match &self.item["contraAccount"]["code"] {
            Value::Null => self.chart.wallet.to_owned(),
            code => format!("{}{}", self.chart.prefixes.wallet, text(code)),
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
