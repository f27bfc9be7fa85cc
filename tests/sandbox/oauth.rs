use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::sandbox::Sandbox;
use crate::{Caller, assert_broken, read, sandbox};

const VERIFIER: &str = "a-verifier-of-at-least-43-characters-for-a-test";
const REDIRECT: &str = "http://127.0.0.1:8788/callback";
const STATE: &str = "state-of-sixteen-and-more";

fn challenge(verifier: &str) -> String {
    let digest = Sha256::digest(verifier);
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bits: Vec<u8> = digest
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1))
        .collect();
    let value =
        |chunk: &[u8]| chunk.iter().fold(0, |sum, bit| sum << 1 | usize::from(*bit)) << (6 - chunk.len());
    bits.chunks(6)
        .map(|chunk| char::from(alphabet[value(chunk)]))
        .collect()
}

fn authorize(caller: &Caller<'_>, change: &[(&str, &str)]) -> (u16, String) {
    let challenge = challenge(VERIFIER);
    let mut query = vec![
        ("response_type", "code"),
        ("client_id", "sandbox-client"),
        ("redirect_uri", REDIRECT),
        ("scope", "export-jobs:read export-jobs:write"),
        ("state", STATE),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in change {
        query.retain(|(known, _)| known != name);
        query.push((name, value));
    }
    let answer = caller
        .anonymous("GET", "/oauth/authorize")
        .query(&query)
        .send()
        .unwrap();
    let location = answer
        .headers()
        .get("location")
        .map(|to| to.to_str().unwrap().to_owned());
    (answer.status().as_u16(), location.unwrap_or_default())
}

fn code(caller: &Caller<'_>) -> String {
    let (status, location) = authorize(caller, &[]);
    assert_eq!(status, 302);
    let code = location.strip_prefix(&format!("{REDIRECT}?code=")).unwrap();
    code.strip_suffix(&format!("&state={STATE}")).unwrap().to_owned()
}

fn ask(caller: &Caller<'_>, form: &[(&str, &str)]) -> (u16, Value) {
    let request = caller.anonymous("POST", "/oauth/token");
    read(
        request
            .basic_auth("sandbox-client", Some("sandbox-client-secret"))
            .form(form)
            .send()
            .unwrap(),
    )
}

fn exchange(caller: &Caller<'_>, code: &str, verifier: &str, redirect_uri: &str) -> (u16, Value) {
    ask(
        caller,
        &[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("code_verifier", verifier),
            ("redirect_uri", redirect_uri),
        ],
    )
}

fn refresh(caller: &Caller<'_>, token: &Value) -> (u16, Value) {
    ask(
        caller,
        &[
            ("grant_type", "refresh_token"),
            ("refresh_token", token.as_str().unwrap()),
        ],
    )
}

fn may_list(caller: &Caller<'_>, sandbox: &Sandbox, tokens: &Value) -> bool {
    let path = format!("/v3/export-jobs?company_id={}", sandbox.company());
    let request = caller
        .anonymous("GET", &path)
        .bearer_auth(tokens["access_token"].as_str().unwrap());
    read(request.send().unwrap()).0 == 200
}

#[test]
fn a_code_is_good_once_and_a_refresh_kills_the_old_pair() {
    let sandbox = sandbox();
    let caller = Caller::new(&sandbox);
    let used = code(&caller);
    let (status, first) = exchange(&caller, &used, VERIFIER, REDIRECT);
    assert_eq!((status, &first["expires_in"]), (200, &json!(900)));
    assert!(may_list(&caller, &sandbox, &first));
    let (status, second) = refresh(&caller, &first["refresh_token"]);
    assert_eq!(status, 200);
    assert!(may_list(&caller, &sandbox, &second) && !may_list(&caller, &sandbox, &first));
    let (status, refused) = refresh(&caller, &first["refresh_token"]);
    assert_eq!((status, &refused["error"]), (400, &json!("invalid_grant")));
    assert!(sandbox.broken_rules().is_empty());
    refresh(&caller, &first["refresh_token"]);
    assert_broken(&sandbox, 0, "refused is sent again");
    // Whoever uses a code twice ends what came of it.
    assert_eq!(exchange(&caller, &used, VERIFIER, REDIRECT).0, 400);
    assert!(!may_list(&caller, &sandbox, &second));
    // An access token ends by the server's clock.
    let (_, third) = exchange(&caller, &code(&caller), VERIFIER, REDIRECT);
    sandbox.advance_clock(Duration::from_secs(901));
    assert!(!may_list(&caller, &sandbox, &third));
    assert_eq!(refresh(&caller, &third["refresh_token"]).0, 200);
}

#[test]
fn what_does_not_fit_the_consent_is_refused() {
    let sandbox = sandbox();
    let caller = Caller::new(&sandbox);
    let other = "another-verifier-of-at-least-43-characters-for-it";
    assert_eq!(exchange(&caller, &code(&caller), other, REDIRECT).0, 400);
    assert_eq!(
        exchange(&caller, &code(&caller), VERIFIER, "http://127.0.0.1:8788/other").0,
        400
    );
    assert_eq!(exchange(&caller, "code-made-up", VERIFIER, REDIRECT).0, 400);
    let old = code(&caller);
    sandbox.advance_clock(Duration::from_secs(60));
    assert_eq!(exchange(&caller, &old, VERIFIER, REDIRECT).0, 400);
    let wrong = caller
        .anonymous("POST", "/oauth/token")
        .basic_auth("sandbox-client", Some("wrong"));
    let (status, answer) = read(wrong.form(&[("grant_type", "refresh_token")]).send().unwrap());
    assert_eq!((status, &answer["error"]), (401, &json!("invalid_client")));
    assert!(sandbox.broken_rules().is_empty());
}

#[test]
fn a_consent_is_asked_for_as_the_contract_has_it() {
    let sandbox = sandbox();
    let caller = Caller::new(&sandbox);
    for (number, (name, value)) in [
        ("response_type", "token"),
        ("client_id", "other"),
        ("redirect_uri", "http://127.0.0.1:8788/callback/"),
        ("state", "short"),
        ("code_challenge", "short"),
        ("code_challenge_method", "plain"),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(authorize(&caller, &[(name, value)]).0, 400, "{name}");
        assert_broken(&sandbox, number, "");
    }
    let (_, location) = authorize(&caller, &[("scope", "payroll:write")]);
    assert!(location.contains("error=invalid_scope"), "{location}");
    // Both ways at once, a query, and what is no form.
    let known = sandbox.broken_rules().len();
    let secret = [
        ("client_id", "sandbox-client"),
        ("client_secret", "sandbox-client-secret"),
    ];
    assert_eq!(ask(&caller, &secret).0, 400);
    assert_broken(&sandbox, known, "two ways");
    let body = caller.anonymous("POST", "/oauth/token").json(&json!({}));
    assert_eq!(read(body.send().unwrap()).0, 400);
    assert_broken(&sandbox, known + 1, "no form");
}

#[test]
fn an_installation_is_activated_and_removed() {
    let sandbox = sandbox();
    sandbox.change_options(|options| options.installation_status = "AUTHORIZED".to_owned());
    let caller = Caller::new(&sandbox);
    let (access, _) = sandbox.grant();
    let call = |method: &str, path: &str| {
        read(
            caller
                .anonymous(method, path)
                .bearer_auth(&access)
                .send()
                .unwrap(),
        )
    };
    assert_eq!(call("GET", "/v1/installations/me").1["status"], "AUTHORIZED");
    assert_eq!(
        call("POST", "/v1/installations/me:activate").1["status"],
        "ACTIVATED"
    );
    assert_eq!(call("DELETE", "/v1/installations/me").0, 204);
    assert_eq!(call("GET", "/v1/installations/me").0, 401, "its tokens are void");
    assert_eq!(caller.get("/v1/installations/me").0, 404);
    assert!(sandbox.broken_rules().is_empty());
}
