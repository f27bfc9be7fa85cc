//! A real Odoo, its books prepared once, and the module with the rules that the workflow plans by.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use pleo_export::bookkeeping::{self, ClosedPeriods, JobView, Refusal, Role, SystemTraits};
use pleo_export::host::http;
use pleo_export::model::document::{PlannedItem, PostingState};
use pleo_export::model::export_item::ExportItem;
use pleo_export::model::ids::JobId;
use pleo_export::model::money::Amount;
use pleo_export::model::permit::Permit;
use pleo_export::systems::odoo::{Journals, Odoo, Settings};
use pleo_export::systems::{AccountingSystem, BookedEntry, Found, SystemError, Wanted};
use serde_json::{Value, json};

pub(crate) const TAX: &str = "K_DK_FuldFradrag";
pub(crate) const MEALS: &str = "1850";
pub(crate) const TRAVEL: &str = "1870";
pub(crate) const PAYABLE: &str = "7440";
pub(crate) const WALLET: &str = "580990";
pub(crate) const EURO_WALLET: &str = "580991";
pub(crate) const FX: &str = "580992";
pub(crate) const OUT_OF_POCKET: &str = "580993";
pub(crate) const ARCHIVED: &str = "580994";

/// The server that the environment names.
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) database: String,
    pub(crate) key: String,
    admin: String,
    /// May do nothing in accounting.
    pub(crate) limited: String,
    /// May make journal entries and bills, but no payments.
    pub(crate) no_payments: String,
}

/// The server, or `None` (said in one line) where none is running.
pub(crate) fn server() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER
        .get_or_init(|| {
            let server = Server::from_environment();
            match &server {
                Some(server) => server.prepare(),
                None => println!("not run: no Odoo (start one with .ci/odoo start, and set what it prints)"),
            }
            server
        })
        .as_ref()
}

/// Held by tests that close periods; the other tests book in years that none of them closes.
pub(crate) fn locks() -> impl Drop {
    static LOCKS: Mutex<()> = Mutex::new(());
    LOCKS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Server {
    fn from_environment() -> Option<Self> {
        let variable = |name: &str| {
            let name = format!("PLEO_EXPORT_TEST_ODOO_{name}");
            let found = std::env::vars().find(|(key, _)| *key == name);
            found.map(|(_, value)| value).filter(|value| !value.is_empty())
        };
        Some(Self {
            url: variable("URL")?,
            database: variable("DATABASE")?,
            key: variable("KEY")?,
            admin: variable("ADMIN_KEY")?,
            limited: variable("LIMITED_KEY")?,
            no_payments: variable("NO_PAYMENTS_KEY")?,
        })
    }

    /// A call as the administrator, by none of the module's code.
    pub(crate) fn call(&self, model: &str, method: &str, body: Value) -> Value {
        let client = http::client_builder()
            .timeout(Duration::from_secs(60))
            .build()
            .unwrap();
        let answer = client
            .post(format!("{}/json/2/{model}/{method}", self.url))
            .bearer_auth(&self.admin)
            .header("X-Odoo-Database", &self.database)
            .json(&body)
            .send()
            .unwrap();
        let status = answer.status();
        let value: Value = answer.json().unwrap();
        assert!(status.is_success(), "{model}.{method}: {}", value["message"]);
        value
    }

    pub(crate) fn search(&self, model: &str, domain: Value, fields: &[&str]) -> Vec<Value> {
        let body = json!({ "domain": domain, "fields": fields, "order": "id" });
        self.call(model, "search_read", body).as_array().unwrap().clone()
    }

    fn prepare(&self) {
        if !self
            .search("account.account", json!([["code", "=", OUT_OF_POCKET]]), &["id"])
            .is_empty()
        {
            return;
        }
        // 7.50 DKK for a euro, from the beginning of 2026.
        self.activate("EUR", 7.5);
        let account =
            |code: &str, name: &str, kind: &str| json!({ "code": code, "name": name, "account_type": kind });
        self.call(
            "account.account",
            "create",
            json!({ "vals_list": [
                account(WALLET, "Pleo wallet", "asset_cash"),
                account(EURO_WALLET, "Pleo wallet EUR", "asset_cash"),
                account(FX, "Rate differences", "expense"),
                account(OUT_OF_POCKET, "Out of pocket", "liability_payable"),
                account(ARCHIVED, "Archived", "expense"),
            ]}),
        );
        let archived = self.search("account.account", json!([["code", "=", ARCHIVED]]), &["id"]);
        self.call(
            "account.account",
            "write",
            json!({ "ids": [archived[0]["id"]], "vals": { "active": false } }),
        );
        let partner = |name: &str, number: &str| json!({ "name": name, "ref": number, "is_company": true });
        self.call(
            "res.partner",
            "create",
            json!({ "vals_list": [partner("Konsulent A/S", "V-42"), partner("Anna Berg", "E-7")] }),
        );
        let plan = self.search("account.analytic.plan", json!([]), &["id"])[0]["id"].clone();
        self.call(
            "account.analytic.account",
            "create",
            json!({ "vals_list": [{ "name": "Berlin", "code": "BER", "plan_id": plan }] }),
        );
    }

    /// Makes a currency known, at so many DKK from the beginning of 2026.
    pub(crate) fn activate(&self, currency: &str, rate: f64) {
        let ids = self.currency(currency);
        self.call(
            "res.currency",
            "write",
            json!({ "ids": ids, "vals": { "active": true } }),
        );
        let domain = json!([["currency_id", "in", ids], ["name", "=", "2026-01-01"]]);
        if self.search("res.currency.rate", domain, &["id"]).is_empty() {
            let rate = json!({ "currency_id": ids[0], "name": "2026-01-01", "inverse_company_rate": rate });
            self.call("res.currency.rate", "create", json!({ "vals_list": [rate] }));
        }
    }

    fn currency(&self, code: &str) -> Vec<Value> {
        let domain = json!([["name", "=", code], ["active", "in", [true, false]]]);
        self.search("res.currency", domain, &["id"])
            .into_iter()
            .map(|record| record["id"].clone())
            .collect()
    }

    pub(crate) fn lock(&self, field: &str, until: Option<&str>) {
        let value = until.map_or(json!(false), |date| json!(date));
        self.call(
            "res.company",
            "write",
            json!({ "ids": [1], "vals": { field: value } }),
        );
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings {
            company: None,
            url: self.url.parse().unwrap(),
            database: self.database.clone(),
            api_key: self.key.clone().into(),
            journals: Journals {
                general: "MISC".into(),
                purchase: "BILL".into(),
                payment: "BNK1".into(),
            },
            create_vendors: false,
            posting: PostingState::Final,
            timeout: Duration::from_secs(60),
            largest_attachment: 30 << 20,
        }
    }

    pub(crate) fn books(&self) -> Books {
        self.books_with(|_| {})
    }

    pub(crate) fn books_with(&self, change: impl FnOnce(&mut Settings)) -> Books {
        let mut settings = self.settings();
        change(&mut settings);
        let posting = settings.posting;
        Books {
            odoo: Odoo::new(settings).unwrap(),
            policy: policy(posting),
        }
    }

    /// All documents of an entry as Odoo has them, without reversals.
    pub(crate) fn documents(&self, item: &ExportItem) -> Vec<Value> {
        let pattern = format!("pleo {} %", item.entry_id);
        let fields = [
            "name",
            "state",
            "date",
            "ref",
            "move_type",
            "amount_total",
            "amount_tax",
            "amount_residual",
            "payment_state",
            "narration",
            "origin_payment_id",
            "invoice_date",
            "invoice_date_due",
            "partner_id",
        ];
        let domain = json!([
            ["invoice_origin", "=like", pattern],
            ["reversed_entry_id", "=", false]
        ]);
        self.search("account.move", domain, &fields)
    }

    /// What the documents of an entry move on each account: hundredths by account code, zero left out.
    pub(crate) fn sums(&self, item: &ExportItem) -> BTreeMap<String, i64> {
        let ids: Vec<Value> = self
            .documents(item)
            .iter()
            .map(|document| document["id"].clone())
            .collect();
        let accounts: BTreeMap<String, String> = self
            .search("account.account", json!([]), &["code"])
            .into_iter()
            .map(|account| {
                (
                    account["id"].to_string(),
                    account["code"].as_str().unwrap().to_owned(),
                )
            })
            .collect();
        let mut sums = BTreeMap::new();
        for line in self.search(
            "account.move.line",
            json!([["move_id", "in", ids]]),
            &["account_id", "balance"],
        ) {
            let account = accounts[&line["account_id"][0].to_string()].clone();
            let balance: Amount = line["balance"].to_string().parse().unwrap();
            *sums.entry(account).or_default() += balance.in_hundredths();
        }
        sums.retain(|_, sum| *sum != 0);
        sums
    }
}

fn policy(posting: PostingState) -> bookkeeping::Settings {
    let roles = [
        (Role::Wallet, WALLET),
        (Role::OutOfPocket, OUT_OF_POCKET),
        (Role::AccountsPayable, PAYABLE),
        (Role::FxDifference, FX),
    ];
    bookkeeping::Settings {
        posting,
        closed_until: None,
        closed_periods: ClosedPeriods::Fail,
        time_zone: chrono_tz::UTC,
        duplicate_invoices: bookkeeping::DuplicateInvoices::Fail,
        vendor_codes: [].into(),
        roles: roles
            .into_iter()
            .map(|(role, code)| (role, code.to_owned()))
            .collect(),
        role_defaults: BTreeMap::new(),
        map: BTreeMap::new(),
        taxes: BTreeMap::new(),
    }
}

/// The module, with the rules that the workflow plans by.
pub(crate) struct Books {
    pub(crate) odoo: Odoo,
    pub(crate) policy: bookkeeping::Settings,
}

impl Books {
    /// Resolves everything and plans each item as if those before it were booked.
    pub(crate) fn plan(&mut self, items: &[ExportItem]) -> Vec<Result<PlannedItem, Refusal>> {
        let traits = SystemTraits {
            payables: true,
            computes_tax: true,
            keeps_vendors: true,
        };
        let mut references = pleo_export::model::references::References::default();
        for item in items {
            references.extend(bookkeeping::references(item, &self.policy, &traits));
        }
        let resolution = self.odoo.resolve(&references).unwrap();
        let mut view = JobView::new(resolution, "2026-11-22".parse().unwrap(), traits);
        let job = JobId::new("job");
        items
            .iter()
            .map(|item| {
                let plan = bookkeeping::plan(&item.clone().into(), &job, 1, &self.policy, &view)?;
                view.invoices.add(item, &plan.documents);
                Ok(plan)
            })
            .collect()
    }

    pub(crate) fn book(&mut self, items: &[ExportItem]) -> Vec<Result<BookedEntry, SystemError>> {
        let plans: Vec<PlannedItem> = self.plan(items).into_iter().map(Result::unwrap).collect();
        self.odoo.book(&permit(), &plans).unwrap()
    }

    pub(crate) fn book_one(&mut self, item: &ExportItem) -> Result<BookedEntry, SystemError> {
        self.book(std::slice::from_ref(item)).remove(0)
    }

    pub(crate) fn find(&mut self, item: &ExportItem, parts: usize) -> Found {
        use pleo_export::model::document::Part;
        let parts = [Part::Main, Part::Payment].into_iter().take(parts).collect();
        let wanted = Wanted {
            entry_id: item.entry_id.clone(),
            parts,
        };
        self.odoo.find(&[wanted]).unwrap().remove(0)
    }
}

/// Nobody but this process is at work.
pub fn permit() -> Permit {
    Permit::given_by(|| Ok(()))
}
