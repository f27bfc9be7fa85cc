use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Stdio};

use super::{SECRET, TOKENS, connected, consent, get, hides, registered, registered_with};
use crate::sandbox::{Fault, Trouble};
use crate::support::{Run, World};

/// A login that waits, and the address that it printed.
pub(super) struct Waiting {
    child: Child,
    stdout: BufReader<std::process::ChildStdout>,
    pub(super) address: String,
}

impl World {
    pub(super) fn begin_login(&self, arguments: &[&str]) -> Waiting {
        self.begin_login_with(arguments, |_| ())
    }

    fn begin_login_with(
        &self,
        arguments: &[&str],
        change: impl FnOnce(&mut std::process::Command),
    ) -> Waiting {
        let mut command = self.command(&[&["login", "-vv"], arguments].concat());
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        change(&mut command);
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        Waiting {
            child,
            stdout,
            address: line.trim_end().to_owned(),
        }
    }

    /// A whole login by pasting what Pleo redirects to, `change`d on the way.
    pub(super) fn login_by_paste(&self, change: impl FnOnce(String) -> String) -> Run {
        let waiting = self.begin_login(&["--paste"]);
        let redirect = change(consent(&waiting.address));
        waiting.paste(&redirect)
    }
}

impl Waiting {
    fn paste(mut self, line: &str) -> Run {
        let mut stdin = self.child.stdin.take().unwrap();
        writeln!(stdin, "{line}").unwrap();
        drop(stdin);
        self.ends()
    }

    pub(super) fn ends(mut self) -> Run {
        let mut rest = String::new();
        std::io::Read::read_to_string(&mut self.stdout, &mut rest).unwrap();
        let output = self.child.wait_with_output().unwrap();
        let mut run = Run::of("login", output);
        run.stdout = rest;
        run
    }
}

#[test]
fn from_consent_to_booked_with_nothing_typed_in_between() {
    let world = registered();
    world.add_mixed_job(5, 1);
    let waiting = world.begin_login(&[]);
    let (status, _, page) = get(&consent(&waiting.address));
    assert!(
        status == 200 && page.contains("Go back to the terminal"),
        "{page}"
    );
    let login = waiting.ends().exits(0).says(world.sandbox.company());
    world.has_live_tokens();
    assert_eq!(world.sandbox.installation_status(), "ACTIVATED");
    let tokens = world.tokens();
    assert_eq!(tokens["company_id"], world.sandbox.company());
    assert_eq!(tokens["host"], "127.0.0.1");
    assert!(tokens["expires_at"].as_str().unwrap().ends_with('Z'));
    let poll = world.run(&["poll", "-vv"]).exits(0);
    let status = world.run(&["login", "--status", "--json"]).exits(0);
    let connection = &status.json()["connection"];
    assert_eq!(connection["company_id"], world.sandbox.company());
    assert_eq!(connection["client_id"], "sandbox-client");
    assert_eq!(connection["scopes"][0], "export-jobs:read");
    let secrets = [
        world.token("access_token"),
        world.token("refresh_token"),
        SECRET.to_owned(),
    ];
    for run in [
        &login,
        &poll,
        &status,
        &world.run(&["login", "--status"]).exits(0).says("Connected"),
    ] {
        hides(run, &secrets);
    }
    world.run(&["status"]).exits(0).says("completed");
    assert_eq!(world.books().documents().len(), world.books().numbers().len());
    world.breaks_no_rule();
}

/// One connection for all commands: from the first login to a job that is booked as Pleo tells of it.
#[test]
#[cfg(feature = "listen")]
fn login_check_listen_and_a_job_is_booked_as_pleo_tells_of_it() {
    use crate::listen::listener::{Listener, eventually};
    let world = registered();
    world.login_by_paste(|redirect| redirect).exits(0);
    world.run(&["poll"]).exits(0);
    world.run(&["check"]).exits(0);
    let _listener = Listener::start(&world, "1h");
    // Its token ended long ago when the event comes.
    world.sandbox.expire_access_tokens();
    let job = world.add_mixed_job(3, 1);
    eventually("the job is booked", || {
        world.sandbox.job(&job).status == crate::sandbox::JobStatus::Completed
    });
    assert_eq!(world.sandbox.refreshes(), 1);
    world.has_live_tokens();
    world.breaks_no_rule();
}

#[test]
fn the_address_is_pasted_whole_or_in_part() {
    for change in [
        |address: String| address,
        |address: String| format!("  {address}  "),
        |address: String| address.split('?').nth(1).unwrap().to_owned(),
    ] {
        // An address that no program listens at, such as one of a website.
        let elsewhere = "https://books.example/pleo";
        let world = registered_with(|options| options.oauth_client.redirect_uris.push(elsewhere.to_owned()));
        let settings = fs::read_to_string(world.path("pleo-export.toml")).unwrap();
        let ours = settings
            .lines()
            .find(|line| line.starts_with("redirect_uri"))
            .unwrap();
        let settings = settings.replace(ours, &format!("redirect_uri = \"{elsewhere}\""));
        let world = world.with_settings(&settings);
        world.run(&["login"]).exits(2).says("--paste");
        world.login_by_paste(change).exits(0).says("Connected");
        world.has_live_tokens();
        world.breaks_no_rule();
    }
}

#[test]
fn only_the_answer_to_this_login_ends_it() {
    let world = registered();
    let waiting = world.begin_login(&[]);
    let redirect = consent(&waiting.address);
    let base = redirect.split('?').next().unwrap();
    for (address, expected) in [
        (base.to_owned(), 400),
        (format!("{base}?code=stolen&state=guessed"), 400),
        (format!("{redirect}x"), 400),
        (base.replace("callback", "favicon.ico"), 404),
        (format!("{base}/more"), 404),
    ] {
        assert_eq!(get(&address).0, expected, "{address}");
    }
    assert_eq!(world.token_requests(), 0);
    // What is no HTTP ends nothing either.
    let port = base.split([':', '/']).nth(4).unwrap();
    for bytes in [
        &b""[..],
        b"\r\n\r\n",
        b"POST /callback HTTP/1.1\r\n\r\n",
        b"GET \xff HTTP/1.1\r\n\r\n",
    ] {
        let mut stream = std::net::TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
        stream.write_all(bytes).unwrap();
    }
    assert_eq!(get(&redirect).0, 200);
    waiting.ends().exits(0).says("`state`");
    world.has_live_tokens();
    world
        .login_by_paste(|redirect| redirect.replace("state=", "state=x"))
        .exits(2)
        .says("does not belong to this login");
    world.breaks_no_rule();
}

#[test]
fn a_person_who_refuses_is_believed() {
    let world = registered_with(|options| options.oauth_client.consent_is_refused = true);
    let waiting = world.begin_login(&[]);
    get(&consent(&waiting.address));
    waiting.ends().exits(2).says("access_denied");
    assert!(!world.path(TOKENS).exists());
    // A scope that the application does not have.
    let settings = fs::read_to_string(world.path("pleo-export.toml")).unwrap();
    let world = registered().with_settings(&(settings + "scopes = [\"payroll:write\"]\n"));
    let waiting = world.begin_login(&["--paste"]);
    assert_eq!(
        get(&waiting.address).0,
        400,
        "its redirect address is not registered"
    );
    waiting.paste("").exits(2).says("no address");
}

#[test]
fn a_code_that_is_old_or_was_used_keeps_nothing_and_takes_nothing() {
    for spoil in [
        (|world| world.sandbox.advance_clock(std::time::Duration::from_secs(61))) as fn(&World),
        |world| world.sandbox.use_up_codes(),
    ] {
        let world = connected(3600);
        let before = fs::read(world.path(TOKENS)).unwrap();
        let run = world.login_by_paste(|redirect| {
            spoil(&world);
            redirect
        });
        run.exits(2).says("used before or is too old");
        assert_eq!(fs::read(world.path(TOKENS)).unwrap(), before);
    }
}

#[test]
fn a_login_that_fails_later_puts_back_what_was_there() {
    let other = "9e57c0de-0000-4000-8000-00000000d00d";
    for (fault, company, expected) in [
        (None, Some(other), 2),
        (
            Some(
                Fault::new(Trouble::Status(503))
                    .on("GET", "/v1/installations/me")
                    .always(),
            ),
            None,
            5,
        ),
        (
            Some(Fault::new(Trouble::WithoutField("refresh_token".into())).on("POST", "/oauth/token")),
            None,
            1,
        ),
        (
            Some(Fault::new(Trouble::WithoutField("access_token".into())).on("POST", "/oauth/token")),
            None,
            1,
        ),
        (
            Some(Fault::new(Trouble::LostAnswer).on("POST", "/oauth/token")),
            None,
            5,
        ),
    ] {
        for is_connected in [true, false] {
            let mut world = if is_connected {
                connected(3600)
            } else {
                registered()
            };
            if let Some(company) = company {
                world = world.with_variable("PLEO_COMPANY_ID", company);
            }
            let before = is_connected.then(|| world.token("refresh_token"));
            if let Some(fault) = &fault {
                world.sandbox.fault(fault.clone());
            }
            world.login_by_paste(|redirect| redirect).exits(expected);
            let after = world.path(TOKENS).exists().then(|| world.token("refresh_token"));
            assert_eq!(after, before, "{fault:?}");
            world.leaves_nothing_aside();
        }
    }
}

/// Pleo need not answer either question about a consent.
fn is_silent(world: &World, paths: &[&str]) {
    for path in paths {
        world
            .sandbox
            .fault(Fault::new(Trouble::Status(403)).on("GET", path).always());
    }
}

#[test]
fn whose_consent_it_is_is_asked_twice_and_never_made_up() {
    let (installation, introspection) = ("/v1/installations/me", "/v1/introspect");
    let other = "9e57c0de-0000-4000-8000-00000000d00d";
    // One answer of Pleo's is enough, and beats the settings.
    let world = registered();
    is_silent(&world, &[installation]);
    let run = world.login_by_paste(|redirect| redirect).exits(0);
    assert!(!run.stdout.contains("settings' word"), "{run}");
    assert_eq!(world.token("company_id"), world.sandbox.company());
    let world = registered().with_variable("PLEO_COMPANY_ID", other);
    is_silent(&world, &[installation]);
    world
        .login_by_paste(|redirect| redirect)
        .exits(2)
        .says("nothing was kept");
    assert!(!world.path(TOKENS).exists());
    // Without one the settings are believed, which is said; where they name nobody nothing is kept.
    let world = registered();
    let company = world.sandbox.company().to_owned();
    let world = world.with_variable("PLEO_COMPANY_ID", company.clone());
    is_silent(&world, &[installation, introspection]);
    let run = world.login_by_paste(|redirect| redirect).exits(0);
    assert!(run.stdout.contains("is the settings' word alone"), "{run}");
    assert_eq!(world.token("company_id"), company);
    let world = registered();
    is_silent(&world, &[installation, introspection]);
    world
        .login_by_paste(|redirect| redirect)
        .exits(2)
        .says("company_id");
    assert!(!world.path(TOKENS).exists());
    let world = registered_with(|options| options.subject = Some("urn:pleo:organisation:7".to_owned()));
    world.sandbox.fault(
        Fault::new(Trouble::OddBytes {
            from: "company".into(),
            to: b"organisation".to_vec(),
        })
        .on("GET", installation),
    );
    world.sandbox.change_options(|options| options.subject = None);
    world
        .login_by_paste(|redirect| redirect)
        .exits(2)
        .says("no company");
}

#[test]
fn scopes_that_are_refused_or_too_few_are_told_by_their_setting() {
    let with_scopes = |scopes: &str| {
        let world = registered();
        let settings = fs::read_to_string(world.path("pleo-export.toml")).unwrap();
        world.with_settings(&format!("{settings}scopes = [{scopes}]\n"))
    };
    let world = with_scopes("\"payroll:write\"");
    let run = world
        .login_by_paste(|redirect| redirect)
        .exits(2)
        .says("invalid_scope");
    run.says("correct `pleo.oauth.scopes`");
    assert!(!world.path(TOKENS).exists());
    let world = with_scopes("\"export-jobs:read\", \"export-jobs:write\"");
    let run = world.login_by_paste(|redirect| redirect).exits(6);
    run.says("lacks export-items:read").says("`pleo.oauth.scopes`");
    world.has_live_tokens();
}

#[test]
fn a_code_whose_answer_is_lost_needs_another_login() {
    let world = registered();
    world
        .sandbox
        .fault(Fault::new(Trouble::LostAnswer).on("POST", "/oauth/token"));
    let run = world.login_by_paste(|redirect| redirect).exits(5);
    assert!(
        run.stderr.contains("hint: run `pleo-export login` again"),
        "{run}"
    );
}

#[test]
fn where_a_key_connects_there_is_no_login() {
    let mut world = World::new();
    fs::write(world.path("key"), world.sandbox.api_key()).unwrap();
    for name in ["PLEO_API_KEY", "pleo.api_key_file"] {
        for command in [&["login"][..], &["login", "--status"], &["logout"]] {
            let run = world
                .run(command)
                .exits(2)
                .says(&format!("the settings connect by {name}"));
            assert!(!run.stderr.contains("missing"), "{run}");
        }
        let run = world.run(&["login", "--status", "--json"]).exits(2);
        assert_eq!(run.json()["error"]["kind"], "configuration");
        let settings = "[pleo]\napi_key_file = \"key\"\n";
        if name == "PLEO_API_KEY" {
            world = world.without_variable(name).with_settings(settings);
        }
    }
    // Both, while the one is not whole yet: each is named by what is there.
    let world = world.with_settings("[pleo]\napi_key_file = \"key\"\n[pleo.oauth]\nclient_id = \"x\"\n");
    let run = world.run(&["login"]).exits(2);
    run.says("pleo.api_key_file and [pleo.oauth] are both set")
        .says("token_file is missing");
}

#[test]
fn an_installation_that_is_not_activated_is_told_and_the_tokens_are_kept() {
    let world = registered();
    world
        .sandbox
        .fault(Fault::new(Trouble::Status(403)).on("POST", "/v1/installations/me:activate"));
    world
        .login_by_paste(|redirect| redirect)
        .exits(2)
        .says("the tokens are kept");
    world.has_live_tokens();
    world.login_by_paste(|redirect| redirect).exits(0);
    assert_eq!(world.sandbox.installation_status(), "ACTIVATED");
}

#[test]
fn a_login_ends_when_nobody_comes_or_somebody_stops_it() {
    let world = registered();
    let waiting = world.begin_login_with(&[], |command| {
        command.env("PLEO_EXPORT_LOGIN_PATIENCE", "1");
    });
    waiting.ends().exits(5).says("nobody consented");
    for arguments in [&[][..], &["--paste"]] {
        let waiting = world.begin_login(arguments);
        crate::support::signal("TERM", waiting.child.id());
        waiting.ends().exits(5).says("stopped");
    }
    // Two at once cannot have one port.
    let first = world.begin_login(&[]);
    world.run(&["login"]).exits(2).says("--paste");
    get(&consent(&first.address));
    first.ends().exits(0);
}

#[test]
fn the_secret_goes_in_the_form_where_pleo_wants_it_there() {
    let world = registered_with(|options| options.oauth_client.wants_form = true);
    world.login_by_paste(|redirect| redirect).exits(0);
    world.sandbox.expire_access_tokens();
    world.run(&["poll"]).exits(0);
    assert_eq!(world.sandbox.refreshes(), 1);
    world.has_live_tokens();
    world.breaks_no_rule();
    // A wrong secret is refused either way, and says nothing about the tokens.
    let world = registered().with_variable("PLEO_CLIENT_SECRET", "wrong");
    world
        .login_by_paste(|redirect| redirect)
        .exits(2)
        .says("PLEO_CLIENT_SECRET");
}

#[test]
fn logout_forgets_and_revokes_only_when_it_is_told_to() {
    let world = connected(3600);
    world.run(&["logout"]).exits(0).says("still has the consent");
    assert!(!world.path(TOKENS).exists());
    assert_eq!(world.sandbox.live_tokens().len(), 1);
    assert_eq!(world.sandbox.request_count(), 0);
    world.run(&["logout", "--revoke"]).exits(0).says("no tokens here");
    world
        .run(&["login", "--status"])
        .exits(2)
        .says("pleo-export login");
    let run = world.run(&["poll"]).exits(2).says("run `pleo-export login`");
    assert!(
        !run.stderr.contains("PLEO_COMPANY_ID"),
        "the company comes with the login: {run}"
    );
    // Tokens that must be renewed for it.
    world.connect(-60);
    world.run(&["logout", "--revoke", "--json"]).exits(0);
    assert_eq!(
        (world.sandbox.live_tokens().len(), world.path(TOKENS).exists()),
        (0, false)
    );
    assert_eq!(world.sandbox.installation_status(), "");
    // What Pleo does not know any more is removed here all the same; where it is out of reach, it is not.
    world.connect(-60);
    world.sandbox.fault(Fault::new(Trouble::Status(503)).always());
    world.run(&["logout", "--revoke"]).exits(5);
    assert!(world.path(TOKENS).exists());
    world.sandbox.clear_faults();
    world.sandbox.revoke_all();
    world.run(&["logout", "--revoke"]).exits(6);
    assert!(!world.path(TOKENS).exists());
    world.breaks_no_rule();
}

#[test]
fn killed_at_every_step_of_a_login() {
    let mut outcomes = [0, 0];
    for n in 1_usize.. {
        let world = connected(3600);
        let waiting = world.begin_login_with(&["--paste"], |command| {
            command.env("PLEO_EXPORT_KILL_AT", n.to_string());
        });
        let redirect = consent(&waiting.address);
        let run = waiting.paste(&redirect);
        if run.code.is_some() {
            run.exits(0);
            break;
        }
        // The tokens from before, the new ones, or the word that somebody must log in.
        let after = world.run(&["poll"]);
        if after.code == Some(0) {
            outcomes[0] += 1;
            world.leaves_nothing_aside();
        } else {
            outcomes[1] += 1;
            after
                .exits(2)
                .says("did not come to its end")
                .says("pleo-export login");
        }
        world.login_by_paste(|redirect| redirect).exits(0);
        world.has_live_tokens();
        world.leaves_nothing_aside();
        world.run(&["poll"]).exits(0);
        world.breaks_no_rule();
    }
    assert!(outcomes[0] > 4 && outcomes[1] > 2, "{outcomes:?}");
}
