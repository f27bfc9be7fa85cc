//! Pleo's other APIs, as far as a doctor needs them: what the credential is, where it is installed, and what Pleo knows of
//! the company's accounts and taxes. Nothing but the installation is changed here.

use axum::http::header::AUTHORIZATION;
use serde_json::{Value, json};
use uuid::Uuid;

use super::exchange::{Answer, Answered, Call};
use super::fields::{Fields, json_body};
use super::paging::{self, Row};
use super::query::{PAGING, Query, bad_request, is_uuid};
use super::seed;
use super::world::World;

/// An account as Pleo knows it.
#[derive(Clone, Debug)]
pub struct ChartAccount {
    /// Its number.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Whether it stands for a wallet.
    pub is_contra: bool,
    /// Whether nobody is offered it any more.
    pub archived: bool,
}

impl ChartAccount {
    /// An account for costs.
    pub fn cost(code: &str, name: &str) -> Self {
        Self {
            code: code.to_owned(),
            name: name.to_owned(),
            is_contra: false,
            archived: false,
        }
    }
}

/// The accounts of the company in `seed`: what money is spent on, and the wallets.
pub fn seeded_chart() -> Vec<ChartAccount> {
    let costs = seed::ACCOUNTS
        .iter()
        .map(|(code, name)| ChartAccount::cost(code, name));
    let wallets = seed::CONTRA_ACCOUNTS
        .iter()
        .map(|(_, (code, name))| ChartAccount {
            is_contra: true,
            ..ChartAccount::cost(code, name)
        });
    costs.chain(wallets).collect()
}

/// The taxes of the company in `seed`, as JSON without what Pleo adds.
pub fn seeded_taxes() -> Vec<Value> {
    let taxes = seed::TAXES.iter().map(|tax| {
        json!({
            "archived": false,
            "code": tax.code,
            "name": format!("Moms {}", tax.code),
            "rate": tax.rate,
            "type": tax.kind,
            "ingoingTaxAccount": tax.ingoing,
            "outgoingTaxAccount": tax.outgoing,
        })
    });
    taxes.collect()
}

/// An id that is the same in each run.
fn id_of(kind: u128, number: usize) -> String {
    let number = u128::try_from(number).unwrap_or_default();
    Uuid::from_u128((0x7777_7777_7777_4777_8777_0000_0000_0000 | (kind << 32)) + number).to_string()
}

/// Refuses a credential without this scope.
pub fn require(world: &World, scope: &str) -> Result<(), Answer> {
    if world.options.scopes.iter().any(|given| given == scope) {
        return Ok(());
    }
    let message = "The credential does not cover this.";
    Err(Answer::refusal(403, "FORBIDDEN", message))
}

/// What the credential was made for.
fn subject(world: &World, call: &Call) -> String {
    let options = &world.options;
    match (&call.company, &options.subject) {
        (None, Some(subject)) => subject.clone(),
        (own, _) => format!("urn:pleo:company:{}", own.as_ref().unwrap_or(&options.company)),
    }
}

/// `GET /v1/introspect`
pub fn introspect(world: &mut World, call: &Call) -> Answered {
    Query::parse(world, call, &[])?;
    let is_token = call
        .header(AUTHORIZATION)
        .and_then(|value| value.split_once(' '))
        .is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let details = json!({
        "applicationName": "sandbox",
        "authMethod": if is_token { "OAUTH2" } else { "API_KEY" },
        "clientId": id_of(1, 0),
        "scope": world.options.scopes.join(" "),
        "subjectURN": subject(world, call),
    });
    Ok(Answer::json(200, json!({ "data": details })))
}

/// `POST /v1/installations/me:activate`
pub fn activate(world: &mut World, call: &Call) -> Answered {
    Query::parse(world, call, &[])?;
    if !call.body.is_empty() {
        world.break_rule(call, "activation takes no body");
    }
    if world.options.installation_status.is_empty() {
        return Err(no_installation());
    }
    "ACTIVATED".clone_into(&mut world.options.installation_status);
    show_installation(world, &subject(world, call))
}

/// `DELETE /v1/installations/me`. It voids all tokens.
pub fn disconnect(world: &mut World, call: &Call) -> Answered {
    Query::parse(world, call, &[])?;
    if world.options.installation_status.is_empty() {
        return Err(no_installation());
    }
    world.options.installation_status = String::new();
    world.oauth.void_all();
    Ok(Answer::empty(204))
}

fn no_installation() -> Answer {
    Answer::refusal(404, "NOT_FOUND", "There is no installation.")
}

/// `GET /v1/installations/me`. The answer is not wrapped in `data`.
pub fn installation(world: &mut World, call: &Call) -> Answered {
    let query = Query::parse(world, call, &["company_id"])?;
    let company = query.uuid(world, call, "company_id")?.map(str::to_owned);
    let subject = subject(world, call);
    let resource = match (company, subject.strip_prefix("urn:pleo:company:")) {
        (None, Some(_)) => subject.clone(),
        (None, None) => return Err(bad_request(world, call, "`company_id` is missing")),
        (Some(company), Some(own)) if company.eq_ignore_ascii_case(own) => subject.clone(),
        (Some(company), None) if world.covers(call, &company) => format!("urn:pleo:company:{company}"),
        (Some(_), _) => {
            let message = "The credential does not cover this.";
            return Err(Answer::refusal(403, "FORBIDDEN", message));
        }
    };
    show_installation(world, &resource)
}

fn show_installation(world: &World, resource: &str) -> Answered {
    if world.options.installation_status.is_empty() {
        return Err(no_installation());
    }
    let moment = world.started_at.to_rfc3339();
    Ok(Answer::json(
        200,
        json!({
            "applicationId": id_of(1, 1),
            "createdAt": moment,
            "id": id_of(1, 2),
            "metadata": {},
            "resource": resource,
            "status": world.options.installation_status,
            "updatedAt": moment,
        }),
    ))
}

/// `POST /v1/chart-of-accounts:search`
pub fn accounts(world: &mut World, call: &Call) -> Answered {
    require(world, "accounts:read")?;
    let query = Query::parse(world, call, &PAGING)?;
    let body = json_body(world, call)?;
    let wanted = read_account_search(&body).map_err(|rule| bad_request(world, call, &rule))?;
    refuse_another_company(world, call, &wanted.company)?;
    let passes = |account: &ChartAccount| {
        let is_left_out = if account.is_contra {
            wanted.without_contra
        } else {
            wanted.without_costs
        };
        !is_left_out
            && wanted
                .archived
                .is_none_or(|archived| archived == account.archived)
    };
    let rows: Vec<Row> = world.options.chart.iter().map(passes).enumerate().collect();
    let page = paging::page(world, call, &query, &rows)?;
    let show = |row: usize| {
        let account = &world.options.chart[row];
        json!({
            "archived": account.archived,
            "code": account.code,
            "companyId": wanted.company,
            "externalId": format!("acc-{}", account.code),
            "id": id_of(2, row),
            "name": account.name,
        })
    };
    let data: Vec<Value> = page.rows.into_iter().map(show).collect();
    Ok(Answer::json(
        200,
        json!({ "data": data, "pagination": page.pagination }),
    ))
}

struct AccountSearch {
    company: String,
    without_costs: bool,
    without_contra: bool,
    archived: Option<bool>,
}

fn read_account_search(body: &Value) -> Result<AccountSearch, String> {
    let keys = [
        "archived",
        "code",
        "codes",
        "companyId",
        "excludeIfAssignedToCategory",
        "excludeIfAssignedToContraAccount",
        "externalId",
        "ids",
        "name",
    ];
    let fields = Fields::of(body, &keys)?;
    let flag = |key: &str| {
        body[key]
            .as_bool()
            .ok_or_else(|| format!("`{key}` is missing or no flag"))
    };
    Ok(AccountSearch {
        company: fields.uuid("companyId")?,
        without_costs: flag("excludeIfAssignedToCategory")?,
        without_contra: flag("excludeIfAssignedToContraAccount")?,
        archived: body.get("archived").map(|_| flag("archived")).transpose()?,
    })
}

/// `POST /v0/tax-codes:search`
pub fn tax_codes(world: &mut World, call: &Call) -> Answered {
    require(world, "tax-codes:read")?;
    let allowed = [&["company_id"][..], &PAGING].concat();
    let query = Query::parse(world, call, &allowed)?;
    let company = query.uuid(world, call, "company_id")?;
    if let Some(company) = company {
        refuse_another_company(world, call, company)?;
    }
    let body = json_body(world, call)?;
    let archived = read_tax_search(&body).map_err(|rule| bad_request(world, call, &rule))?;
    let taxes = &world.options.tax_codes;
    let passes = |tax: &Value| archived.is_none_or(|archived| tax["archived"] == archived);
    let rows: Vec<Row> = taxes.iter().map(passes).enumerate().collect();
    let page = paging::page(world, call, &query, &rows)?;
    let moment = world.started_at.to_rfc3339();
    let show = |row: usize| {
        let mut tax = world.options.tax_codes[row].clone();
        tax["companyId"] = json!(company.unwrap_or(&world.options.company));
        tax["id"] = json!(id_of(3, row));
        tax["createdAt"] = json!(moment);
        tax["updatedAt"] = json!(moment);
        tax
    };
    let data: Vec<Value> = page.rows.into_iter().map(show).collect();
    Ok(Answer::json(
        200,
        json!({ "data": data, "pagination": page.pagination }),
    ))
}

fn read_tax_search(body: &Value) -> Result<Option<bool>, String> {
    let fields = Fields::of(body, &["archived", "code", "taxCodeIds", "type"])?;
    fields.one_of("type", &["inclusive", "exclusive", "reverse"])?;
    let ids = body["taxCodeIds"].as_array().into_iter().flatten();
    if ids.clone().any(|id| !id.as_str().is_some_and(is_uuid)) {
        return Err("`taxCodeIds` holds what is no UUID".to_owned());
    }
    let archived = body
        .get("archived")
        .map(|archived| archived.as_bool().ok_or("`archived` is no flag"));
    Ok(archived.transpose()?)
}

fn refuse_another_company(world: &World, call: &Call, company: &str) -> Result<(), Answer> {
    if world.covers(call, company) {
        return Ok(());
    }
    let message = "The credential does not cover this company.";
    Err(Answer::refusal(403, "FORBIDDEN", message))
}
