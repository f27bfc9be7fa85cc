//! What an item, its job and the run come to when the accounting system answers anything at any question: the whole
//! table, through the program with a connector that does what the row says. [`Case::expected`], in `rule`, is the rule that a reader
//! of README would write down; it knows nothing of how the program comes to it.

/// The table tells when a verdict is not judged by the rule.
mod deliberate_bugs;
/// An accounting system that stays out of reach.
mod lasting;
/// The kinds of error that a connector has no word for.
mod other_kinds;
/// What a row of the table must come to.
mod rule;

use std::fmt::Write as _;
use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::interrupt::Fate;
use crate::sandbox::seed::Item;
use crate::sandbox::{Event, ItemStatus};
use crate::support::World;
use rule::left_open;

const ENTRY: &str = "7e57c0de-0000-4000-8000-0000000000e1";

/// Every one of these lies about the books: nobody decides by a text.
const LIE: &str = "May be booked: no. Booked as 7: no. Nothing was booked.";

/// Keeps one entry. What stands in the file `fault` befalls one of its questions.
const CONNECTOR: &str = r#"
ask() {
    IFS= read -r line || exit 0
    id=${line#*\"id\":}; id=${id%%,*}
    verb=${line#*\"verb\":\"}; verb=${verb%%\"*}
}
ok() { printf '{"id":%s,"ok":%s}\n' "$id" "$1"; }
is_faulty() {
    [ -f fault ] && read -r at kind times < fault && [ "$at" = "$verb" ] || return 1
    [ "$times" = always ] || rm fault
}
entry='{"external_id":"X-1","posting_date":"2026-09-14","revision":1,"parts":["main"]}'
ask; ok '{"protocol":1,"name":"Table","target":"here","create":"CREATE","attachments":{"largest":20000000}}'
while ask; do
    if is_faulty; then
        case $kind in
            landed) touch booked; exit ;;
            ends) exit ;;
            *) printf '{"id":%s,"error":{"kind":"%s","reason":"LIE"}}\n' "$id" "$kind" ;;
        esac
        continue
    fi
    case $verb in
        check) ok '{}' ;;
        resolve)
            accounts=; rest=$line
            while [ "$rest" != "${rest#*\"purpose\"}" ]; do
                accounts="$accounts,"'{"reference":"a","name":"a"}'; rest=${rest#*\"purpose\"}
            done
            ok '{"accounts":['"${accounts#,}"']}' ;;
        find)
            if [ -f booked ] && [ ! -f unseen ]; then state='"state":"complete","booked":'"$entry"
            else state='"state":"absent","next_revision":1'; fi
            ok '{"entries":[{"entry_id":"ENTRY",'"$state"'}]}' ;;
        book) [ ! -f booked ] || echo twice > twice; [ ! -f lags ] || touch unseen; touch booked; ok "$entry" ;;
        attach) printf '%s\n' "$line" >> attached; ok '{}' ;;
    esac
done
"#;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Check,
    Resolve,
    Find,
    Book,
    Attach,
}

/// What befalls the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Rejected,
    Unavailable,
    Unknown,
    Fatal,
    Damaged,
    /// The connector dies over it and has done nothing.
    Ends,
    /// The connector dies over it after all was written.
    Landed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Create {
    Unique,
    Exclusive,
    Search,
}

/// What an earlier run of the job did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    /// There was none.
    Nothing,
    /// It was killed when it had announced the item.
    Announced,
    /// It was killed when it had booked the item and wanted to tell it.
    Booked,
    /// There was none, but an earlier export had the item booked.
    Exported,
}

/// From when on what is booked is not found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unseen {
    Never,
    /// From the booking on, as where an index lags behind.
    AtOnce,
    /// From the next run on.
    Later,
}

#[derive(Clone, Copy, Debug)]
struct Case {
    verb: Verb,
    kind: Kind,
    always: bool,
    create: Create,
    receipts: bool,
    /// The entry may do without its receipts.
    best_effort: bool,
    before: Before,
    unseen: Unseen,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Successful,
    NothingBooked,
    BookedAs,
    MayBeBooked,
    None,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Outcome {
    verdict: Verdict,
    /// How the job was closed.
    event: Option<Event>,
    exit: i32,
    /// What `attach` took, in receipts.
    attached: usize,
}

impl Case {
    fn all() -> Vec<Self> {
        use Kind::{Damaged, Ends, Fatal, Landed, Rejected, Unavailable, Unknown};
        let mut all = Vec::new();
        for verb in [Verb::Check, Verb::Resolve, Verb::Find, Verb::Book, Verb::Attach] {
            for kind in [Rejected, Unavailable, Unknown, Fatal, Damaged, Ends, Landed] {
                for create in [Create::Unique, Create::Exclusive, Create::Search] {
                    for before in [Before::Nothing, Before::Announced, Before::Booked] {
                        for [always, receipts] in [[false, false], [false, true], [true, false], [true, true]]
                        {
                            let case = Self {
                                verb,
                                kind,
                                always,
                                create,
                                receipts,
                                best_effort: false,
                                before,
                                unseen: Unseen::Never,
                            };
                            all.extend(
                                Some(case).filter(|case| case.kind != Landed || case.verb == Verb::Book),
                            );
                        }
                    }
                }
            }
        }
        let about_receipts = |case: &&Self| case.verb == Verb::Attach && case.receipts;
        let best_effort = all.iter().filter(about_receipts).map(|case| Self {
            best_effort: true,
            ..*case
        });
        let best_effort: Vec<Self> = best_effort.collect();
        all.extend(best_effort);
        // Whoever can only search may not find what is booked, and asks again where the receipts are not beside it yet.
        let asks_again = |case: &&Self| {
            case.create == Create::Search
                && case.before == Before::Nothing
                && matches!(case.kind, Unavailable | Unknown | Ends)
        };
        let asked_again = all.iter().filter(about_receipts).filter(asks_again);
        let unseen = asked_again.flat_map(|case| {
            let unseen = [
                (Before::Nothing, Unseen::AtOnce),
                (Before::Nothing, Unseen::Later),
                (Before::Exported, Unseen::Later),
            ];
            unseen.map(|(before, unseen)| Self {
                before,
                unseen,
                ..*case
            })
        });
        let unseen: Vec<Self> = unseen.collect();
        all.extend(unseen);
        all
    }

    /// Does it, and looks.
    fn happens(self) -> Result<Outcome, String> {
        self.happens_in(World::new())
    }

    fn happens_in(self, world: World) -> Result<Outcome, String> {
        let attachments = if self.best_effort {
            "best_effort"
        } else {
            "required"
        };
        let world = world.with_settings(&format!(
            "[accounting]\nsystem = \"command\"\ngive_up_after_seconds = {}\n[accounting.command]\n\
             program = [\"/bin/sh\", \"connector.sh\"]\ntimeout_seconds = 20\n\
             [bookkeeping]\nattachments = \"{attachments}\"\n",
            // What happens once passes before this is over.
            if self.always { 1 } else { 20 },
        ));
        let create = format!("{:?}", self.create).to_lowercase();
        let script = CONNECTOR.replace("CREATE", &create);
        let script = script.replace("ENTRY", ENTRY).replace("LIE", LIE);
        fs::write(world.path("connector.sh"), script).unwrap();
        let item = Item::card_purchase(12_500).id(ENTRY).without_tax();
        let item = if self.receipts { item.receipt("pdf") } else { item };
        let id = world.add_job(vec![item.build()]);
        match self.before {
            Before::Nothing => {}
            Before::Announced => world.kill_at_update(1, Fate::TakesEffect),
            Before::Booked => world.kill_at_update(2, Fate::IsLost),
            Before::Exported => fs::write(world.path("booked"), "").unwrap(),
        }
        let _ = fs::remove_file(world.path("attached"));
        let times = if self.always { "always" } else { "once" };
        let fault = format!("{:?} {:?} ", self.verb, self.kind).to_lowercase() + times + "\n";
        fs::write(world.path("fault"), fault).unwrap();
        if self.unseen == Unseen::AtOnce {
            fs::write(world.path("lags"), "").unwrap();
        }
        let first = self.outcome(&world, &id, self.expected())?;
        if self.best_effort && first.exit == 1 {
            let _ = fs::remove_file(world.path("fault"));
            let run = world.run(&["poll"]);
            let status = world.sandbox.job(&id).item(ENTRY).status;
            if status != ItemStatus::Successful {
                return Err(format!("polled again it is {status:?} {run}"));
            }
        }
        if first.exit != 5 {
            return Ok(first);
        }
        let _ = fs::remove_file(world.path("fault"));
        let then = if self.unseen == Unseen::Later {
            fs::write(world.path("unseen"), "").unwrap();
            self.failed(Verdict::MayBeBooked)
        } else {
            self.normal()
        };
        let again = self.outcome(&world, &id, then);
        again.map_err(|problem| format!("polled again: {problem}"))
    }

    /// Polls, and looks.
    fn outcome(self, world: &World, id: &str, expected: Outcome) -> Result<Outcome, String> {
        let run = world.run(&["poll"]);
        let job = world.sandbox.job(id);
        let item = job.item(ENTRY).clone();
        let text = item.failure_reason.as_deref().unwrap_or_default();
        let standing: Option<String> = rusqlite::Connection::open(world.path("checkpoint.sqlite3"))
            .and_then(|file| file.query_row("SELECT standing FROM item", [], |row| row.get(0)))
            .unwrap_or_default();
        let verdict = match (item.status, standing.as_deref()) {
            (ItemStatus::Successful, None) => Verdict::Successful,
            (ItemStatus::Failed, Some("may_be_booked")) if text.starts_with("May be booked: ") => {
                Verdict::MayBeBooked
            }
            (ItemStatus::Failed, Some("booked_as")) if text.starts_with("Booked as X-1: ") => {
                Verdict::BookedAs
            }
            (ItemStatus::Failed, Some("nothing_booked"))
                if text.ends_with(" Nothing was booked.")
                    && !text.starts_with("May be booked")
                    && !text.starts_with("Booked as") =>
            {
                Verdict::NothingBooked
            }
            (_, None) => Verdict::None,
            (status, standing) => return Err(format!("{status:?} {standing:?} `{text}` {run}")),
        };
        let is_over = self.before == Before::Nothing && !matches!(verdict, Verdict::None);
        if is_over && !world.kept_receipts().is_empty() {
            return Err(format!("{:?} stay behind {run}", world.kept_receipts()));
        }
        if world.path("twice").exists() {
            return Err(format!("booked twice {run}"));
        }
        let answer: Vec<&str> = run.stdout.split_whitespace().collect();
        let says = "the receipt could not be attached: ";
        let is_told = run.stderr.contains(says) && answer.join(" ").contains(says);
        let is_meant = self.best_effort && (expected == self.without() || expected == left_open(1));
        if is_told != is_meant {
            return Err(format!(
                "of the receipts that are let go is told: {is_told} {run}"
            ));
        }
        if expected == left_open(5) && self.verb == Verb::Attach {
            let why = match self.kind {
                Kind::Ends => "ended without an answer".to_owned(),
                _ => format!("{LIE}\""),
            };
            let says = format!("{why} (1 item booked, with receipts that are not attached yet)");
            if !run.stderr.contains(&says) {
                return Err(format!("it does not say `{says}` {run}"));
            }
        }
        let attached = fs::read_to_string(world.path("attached")).unwrap_or_default();
        let of_entry = |line: &&str| line.contains(ENTRY) && line.contains("\"external_id\":\"X-1\"");
        let receipts = attached
            .lines()
            .filter(of_entry)
            .map(|line| line.matches("\"sha256\"").count());
        let outcome = Outcome {
            verdict,
            event: job
                .events
                .iter()
                .rfind(|event| **event != Event::Started)
                .copied(),
            exit: run.code.unwrap_or(-1),
            attached: receipts.sum(),
        };
        if outcome == expected {
            Ok(outcome)
        } else {
            Err(format!("{outcome:?} `{text}` {run}"))
        }
    }
}

#[test]
fn whatever_the_accounting_system_answers_the_verdict_is_true() {
    let every = if std::env::var_os("PLEO_EXPORT_TEST_FULL").is_some() {
        1
    } else {
        13
    };
    let cases: Vec<Case> = Case::all().into_iter().step_by(every).collect();
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(String::new()));
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::SeqCst)) {
                    if let Err(problem) = case.happens() {
                        let expected = case.expected();
                        writeln!(
                            wrong.lock().unwrap(),
                            "{case:?}\n  expected {expected:?}\n  but {problem}\n"
                        )
                        .unwrap();
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    println!(
        "{} rows of the table, {}",
        cases.len(),
        if every == 1 { "all" } else { "a sample" }
    );
    assert!(
        wrong.is_empty(),
        "{} rows are wrong:\n{wrong}",
        wrong.matches("  expected ").count()
    );
}

#[test]
fn what_is_booked_and_not_found_any_more_is_not_booked_again() {
    let rows = Case::all()
        .into_iter()
        .filter(|case| case.unseen != Unseen::Never);
    let wrong: Vec<String> = rows
        .filter_map(|case| Some(format!("{case:?} {}", case.happens().err()?)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn by_best_effort_an_entry_does_without_its_receipts_whatever_is_answered_to_them() {
    let rows = Case::all()
        .into_iter()
        .filter(|case| case.best_effort && case.create == Create::Unique);
    let wrong: Vec<String> = rows
        .filter_map(|case| Some(format!("{case:?} {}", case.happens().err()?)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
