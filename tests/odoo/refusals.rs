//! What cannot be booked: unknown references, closed periods, wrong settings, missing rights.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pleo_export::bookkeeping::ClosedPeriods;
use pleo_export::model::export_item::{ExportItem, Tag};
use pleo_export::model::ids::{CompanyId, JobId};
use pleo_export::model::permit::{Permit, Withheld};
use pleo_export::systems::odoo::{Odoo, Settings};
use pleo_export::systems::{AccountingSystem, JobNeeds, SystemError};

use crate::expenses::{expense, invoice_number, line, payable, tag, taxed};
use crate::support::{self, ARCHIVED, MEALS};
use crate::world;

#[test]
fn what_odoo_does_not_have_is_known_before_anything_is_sent() {
    let Some(server) = support::server() else { return };
    let unknown = ExportItem {
        lines: vec![line(100, "999998")],
        ..expense(100)
    };
    let archived = ExportItem {
        lines: vec![line(100, ARCHIVED)],
        ..expense(100)
    };
    let mut tax = ExportItem {
        lines: vec![taxed(125, 25, MEALS)],
        ..expense(125)
    };
    tax.lines[0].tax.as_mut().unwrap().code = Some("K_NONE".into());
    let mut vendor = payable(expense(100), "card_purchase", "1");
    vendor.vendor.as_mut().unwrap().code = Some("V-none".into());
    let mut tagged = expense(100);
    tagged.lines[0].tags = vec![Tag {
        code: "none".into(),
        ..tag()
    }];
    let items = [unknown, archived, tax, vendor, tagged];
    let kinds: Vec<&str> = server
        .books()
        .plan(&items)
        .into_iter()
        .map(|plan| plan.unwrap_err().failure_type.as_str())
        .collect();
    let expected = [
        "account_unknown",
        "account_unknown",
        "tax_code_unknown",
        "vendor_unknown",
        "tag_unknown",
    ];
    assert_eq!(kinds, expected);
}

#[test]
fn closed_periods_follow_the_policy_and_no_date_moves_by_itself() {
    let Some(server) = support::server() else { return };
    let _guard = support::locks();
    let dated = |item: ExportItem| ExportItem {
        date: "2024-03-10T10:00:00Z".parse().unwrap(),
        ..item
    };
    let taxed = || {
        dated(ExportItem {
            lines: vec![taxed(12_500, 2_500, MEALS)],
            ..expense(12_500)
        })
    };
    let plain = || dated(expense(100));
    let bill = || dated(payable(expense(100), "invoice", &invoice_number()));
    for (field, closed) in [
        ("fiscalyear_lock_date", [true, true, true]),
        ("purchase_lock_date", [false, false, true]),
        ("tax_lock_date", [true, false, false]),
    ] {
        server.lock(field, None);
        let items = [taxed(), plain(), bill()];
        let mut books = server.books();
        let before: Vec<_> = books.plan(&items).into_iter().map(Result::unwrap).collect();
        server.lock(field, Some("2024-03-31"));

        let plans = books.plan(&items);
        let refused: Vec<bool> = plans.iter().map(Result::is_err).collect();
        assert_eq!(refused, closed, "{field}");
        for refusal in plans.into_iter().filter_map(Result::err) {
            assert!(
                refusal.reason.contains("closed until 2024-03-31"),
                "{}",
                refusal.reason
            );
        }
        // The period was closed after the plan was made.
        let answers = books.odoo.book(&support::permit(), &before).unwrap();
        for ((answer, item), closed) in answers.iter().zip(&items).zip(closed) {
            assert_eq!(answer.is_err(), closed, "{field}: {answer:?}");
            assert_eq!(server.documents(item).is_empty(), closed, "{field}");
        }
        books.policy.closed_periods = ClosedPeriods::NextOpen;
        for (item, closed) in [taxed(), plain(), bill()].iter().zip(closed) {
            let date = if closed { "2024-04-01" } else { "2024-03-10" };
            assert_eq!(
                books.book_one(item).unwrap().posting_date.to_string(),
                date,
                "{field}"
            );
            assert_eq!(server.documents(item)[0]["date"], date, "{field}");
        }
        books.policy.closed_periods = ClosedPeriods::Today;
        let today = books.book_one(&taxed()).unwrap().posting_date.to_string();
        assert_eq!(
            today,
            if closed[0] { "2026-11-22" } else { "2024-03-10" },
            "{field}"
        );
        server.lock(field, None);
    }
}

/// A job may become somebody else's at any moment; what is said of an entry then must not come from a guess.
#[test]
fn a_permit_that_is_withheld_at_any_write_is_said() {
    let Some(server) = support::server() else { return };
    let _guard = support::locks();
    let field = "fiscalyear_lock_date";
    for is_closed in [false, true] {
        for given in 0.. {
            assert!(given < 40, "there is no end of writes");
            server.lock(field, None);
            let item = ExportItem {
                date: "2024-03-10T10:00:00Z".parse().unwrap(),
                ..payable(expense(100), "card_purchase", &invoice_number())
            };
            let mut books = server.books();
            let plan = books.plan(&[item]).remove(0).unwrap();
            // The period is closed after the plan was made, so the drafts are taken back.
            server.lock(field, is_closed.then_some("2024-03-31"));
            let asked = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&asked);
            let permit = Permit::given_by(move || match count.fetch_add(1, Ordering::Relaxed) {
                before if before < given => Ok(()),
                _ => Err(Withheld::Changed("the job is somebody else's".to_owned())),
            });
            let answer = books
                .odoo
                .book(&permit, &[plan])
                .and_then(|mut all| all.remove(0));
            if asked.load(Ordering::Relaxed) <= given {
                assert_eq!(answer.is_err(), is_closed, "{answer:?}");
                assert!(given > 2, "more than {given} writes make it");
                break;
            }
            assert!(
                matches!(answer, Err(SystemError::Withheld(_))),
                "withheld after {given} writes: {answer:?}"
            );
        }
    }
    server.lock(field, None);
}

fn checked(change: impl FnOnce(&mut Settings)) -> Result<(), SystemError> {
    let mut settings = support::server().unwrap().settings();
    change(&mut settings);
    let needs = JobNeeds {
        job_id: JobId::new("job"),
        company_id: CompanyId::new("company"),
        payables: true,
        attachments: true,
    };
    Odoo::new(settings)?.check(&needs)
}

#[test]
fn the_check_names_what_is_wrong() {
    let Some(server) = support::server() else { return };
    assert_eq!(checked(|_| {}), Ok(()));
    let refused = |change: fn(&mut Settings), kind: &str, text: &str| {
        let Err(SystemError::Fatal { failure_type, reason }) = checked(change) else {
            panic!("{text}: not refused")
        };
        assert_eq!(failure_type.as_str(), kind, "{reason}");
        assert!(reason.contains(text), "{reason}");
        assert!(!reason.contains("Traceback"), "{reason}");
    };
    refused(
        |settings| settings.api_key = "nope".into(),
        "accounting_system_authentication_failure",
        "API key",
    );
    refused(
        |settings| settings.database = "nope".into(),
        "invalid_configuration",
        "no database nope",
    );
    refused(
        |settings| settings.journals.general = "NOPE".into(),
        "missing_configuration",
        "Journal NOPE",
    );
    refused(
        |settings| settings.journals.payment = "MISC".into(),
        "missing_configuration",
        "of the type general",
    );
    refused(
        |settings| settings.company = Some("Another Company".into()),
        "invalid_configuration",
        "accounting.odoo.company is Another Company",
    );
    refused(
        |settings| settings.url = settings.url.join("/nowhere/").unwrap().as_str().parse().unwrap(),
        "invalid_configuration",
        "accounting.odoo.url",
    );
    let limited = checked(|settings| settings.api_key = server.limited.clone().into());
    let Err(SystemError::Fatal { failure_type, reason }) = limited else {
        panic!("{limited:?}")
    };
    assert_eq!(failure_type.as_str(), "authorization_failure", "{reason}");
}

/// A server that answers everything with one text.
fn answering(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let _ = stream.read(&mut [0; 4096]);
            let _ = write!(stream, "{answer}");
        }
    });
    format!("http://{address}")
}

#[test]
fn a_job_is_told_about_an_address_where_no_odoo_answers() {
    let Some(server) = support::server() else { return };
    for (answer, expected) in [
        (
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>",
            "not as Odoo does: check accounting.odoo.url",
        ),
        (
            "HTTP/1.1 301 Moved\r\nLocation: https://odoo.example/json/2/account.move/has_access\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            "sends us to https://odoo.example: set accounting.odoo.url",
        ),
    ] {
        let world = world::world_at(server, &answering(answer), "");
        let job = world.add_mixed_job(3, world::new_seed());
        world.run(&["poll"]).exits(4).says(expected);
        let job = world.sandbox.job(&job);
        assert_eq!(job.failure_reason_type.as_deref(), Some("invalid_configuration"));
        assert!(job.failure_reason.unwrap().contains(expected));
    }
}

#[test]
fn another_program_at_the_address_is_no_odoo() {
    let Some(server) = support::server() else { return };
    for (answer, expected) in [
        (
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>",
            "not as Odoo does",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\nConnection: close\r\n\r\n{",
            "broke off",
        ),
        (
            "HTTP/1.1 302 Found\r\nLocation: https://odoo.example/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            "sends us to https://odoo.example: set",
        ),
        (
            "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            "status 503",
        ),
    ] {
        let mut settings = server.settings();
        settings.url = answering(answer).parse().unwrap();
        let mut odoo = Odoo::new(settings).unwrap();
        let error = odoo.find(&[]).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
