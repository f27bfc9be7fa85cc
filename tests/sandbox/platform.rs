//! What Pleo says of a credential, its installation, accounts and taxes: told page by page, and to those alone who may.

use serde_json::{Value, json};

use crate::sandbox::seed::Item;
use crate::sandbox::{Job, Options, SCOPES, Sandbox, key_of};
use crate::{Caller, read};

const ANOTHER_COMPANY: &str = "11111111-1111-4111-8111-111111111111";

fn search(caller: &Caller<'_>, path: &str, body: &Value) -> (u16, Value) {
    read(caller.request("POST", path).json(body).send().unwrap())
}

fn accounts_of(company: &str) -> Value {
    json!({ "companyId": company, "excludeIfAssignedToCategory": false, "excludeIfAssignedToContraAccount": true })
}

#[test]
fn it_says_what_the_credential_is_and_where_it_is_installed() {
    let sandbox = Sandbox::start(Options::default());
    let caller = Caller::new(&sandbox);
    let urn = format!("urn:pleo:company:{}", sandbox.company());
    let (status, said) = caller.get("/v1/introspect");
    assert_eq!((status, &said["data"]["subjectURN"]), (200, &json!(urn)));
    assert_eq!(said["data"]["scope"], SCOPES.join(" "));
    let (status, said) = caller.get("/v1/installations/me");
    assert_eq!((status, &said["resource"]), (200, &json!(urn)), "not wrapped");
    let of_another = format!("/v1/installations/me?company_id={ANOTHER_COMPANY}");
    assert_eq!(caller.get(&of_another).0, 403);
    assert_eq!(sandbox.broken_rules(), [""; 0]);
    assert_eq!(caller.get("/v1/introspect?company_id=x").0, 400);
    assert_eq!(caller.get("/v1/introspection").0, 404);
    assert_eq!(sandbox.broken_rules().len(), 2);
}

#[test]
fn accounts_and_taxes_are_searched_as_the_contract_says() {
    let sandbox = Sandbox::start(Options {
        page_size_max: 4,
        ..Options::default()
    });
    let caller = Caller::new(&sandbox);
    let body = accounts_of(sandbox.company());
    let path = "/v1/chart-of-accounts:search";
    let (mut cursor, mut rows) = (String::new(), 0);
    loop {
        let (status, page) = search(&caller, &format!("{path}?limit=100{cursor}"), &body);
        assert_eq!(status, 200, "{page}");
        rows += page["data"].as_array().unwrap().len();
        if page["pagination"]["hasNextPage"] == false {
            break;
        }
        cursor = format!("&after={}", page["pagination"]["endCursor"].as_str().unwrap());
    }
    assert_eq!(rows, 11, "the wallets are left out");
    let (status, page) = search(&caller, "/v0/tax-codes:search", &json!({ "archived": true }));
    assert_eq!((status, &page["data"]), (200, &json!([])));
    assert_eq!(sandbox.broken_rules(), [""; 0]);
    let without_flags = json!({ "companyId": sandbox.company() });
    for (path, body) in [
        (path, without_flags),
        (path, json!({ "includeArchived": true })),
        ("/v0/tax-codes:search", json!({ "companyId": sandbox.company() })),
        ("/v0/tax-codes:search", json!({ "type": "other" })),
    ] {
        assert_eq!(search(&caller, path, &body).0, 400, "{body}");
    }
    assert_eq!(sandbox.broken_rules().len(), 4);
    assert_eq!(search(&caller, path, &accounts_of(ANOTHER_COMPANY)).0, 403);
}

#[test]
fn each_endpoint_needs_its_scope() {
    let sandbox = Sandbox::start(Options {
        scopes: Vec::new(),
        ..Options::default()
    });
    let caller = Caller::new(&sandbox);
    assert_eq!(caller.get("/v1/introspect").0, 200, "none is documented");
    assert_eq!(caller.list("").0, 403);
    assert_eq!(
        caller
            .get(&format!("/v3/export-items?job_id={ANOTHER_COMPANY}"))
            .0,
        403
    );
    assert_eq!(caller.send(ANOTHER_COMPANY, "started"), 403);
    assert_eq!(caller.put(ANOTHER_COMPANY, &json!([])).0, 403);
    assert_eq!(search(&caller, "/v0/tax-codes:search", &json!({})).0, 403);
    let path = "/v1/chart-of-accounts:search";
    assert_eq!(search(&caller, path, &accounts_of(sandbox.company())).0, 403);
    assert_eq!(sandbox.broken_rules(), [""; 0]);
}

#[test]
fn one_sandbox_serves_several_companies_and_each_key_opens_its_own_alone() {
    let sandbox = Sandbox::start(Options {
        more_companies: vec![ANOTHER_COMPANY.to_owned()],
        ..Options::default()
    });
    let item = |number| vec![Item::card_purchase(12_500).numbered(number).build()];
    let first = sandbox.add_job(Job::of(item(1)));
    let other = sandbox.add_job(Job::of(item(2)).of_company(ANOTHER_COMPANY));
    let caller = Caller::new(&sandbox);
    let key = key_of(ANOTHER_COMPANY);
    let by_its_own_key = |path: &str| {
        let request = caller.anonymous("GET", path).basic_auth(&key, Some(""));
        read(request.send().unwrap())
    };
    let jobs = |company: &str| format!("/v3/export-jobs?company_id={company}");
    let (status, listed) = by_its_own_key(&jobs(ANOTHER_COMPANY));
    assert_eq!((status, listed["data"].as_array().unwrap().len()), (200, 1));
    assert_eq!(listed["data"][0]["id"], json!(other));
    assert_eq!(listed["data"][0]["companyId"], ANOTHER_COMPANY);
    let (_, said) = by_its_own_key("/v1/introspect");
    assert_eq!(
        said["data"]["subjectURN"],
        json!(format!("urn:pleo:company:{ANOTHER_COMPANY}"))
    );
    assert_eq!(by_its_own_key(&format!("/v3/export-jobs/{first}")).0, 404);
    // The first key is for all of them.
    for (company, job) in [(sandbox.company(), &first), (ANOTHER_COMPANY, &other)] {
        assert_eq!(caller.all(&jobs(company))[0]["id"], json!(job));
    }
    // Each company has one running job, and an order of its own.
    assert_eq!(
        [&other, &first].map(|job| caller.send(job, "started")),
        [202, 202]
    );
    assert_eq!(sandbox.broken_rules(), [""; 0]);
    by_its_own_key(&jobs(sandbox.company()));
    assert_eq!(sandbox.broken_rules().len(), 1);
}
