//! What an item, its job and the run come to when the accounting system answers anything at any question: the whole
//! table, through the program with a connector that does what the row says. [`Case::expected`] is the rule that a reader
//! of README would write down; it knows nothing of how the program comes to it.

/// The table tells when a verdict is not judged by the rule.
mod deliberate_bugs;
/// The kinds of error that a connector has no word for.
mod other_kinds;

use std::fmt::Write as _;
use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::interrupt::Fate;
use crate::sandbox::seed::Item;
use crate::sandbox::{Event, ItemStatus};
use crate::support::World;

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
            if [ -f booked ]; then state='"state":"complete","booked":'"$entry"
            else state='"state":"absent","next_revision":1'; fi
            ok '{"entries":[{"entry_id":"ENTRY",'"$state"'}]}' ;;
        book) [ ! -f booked ] || echo twice > twice; touch booked; ok "$entry" ;;
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
}

#[derive(Clone, Copy, Debug)]
struct Case {
    verb: Verb,
    kind: Kind,
    always: bool,
    create: Create,
    receipts: bool,
    before: Before,
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
                                before,
                            };
                            all.extend(
                                Some(case).filter(|case| case.kind != Landed || case.verb == Verb::Book),
                            );
                        }
                    }
                }
            }
        }
        all
    }

    /// Where books can only be searched, what a killed run began with and is not there is never booked again.
    fn is_lost(self) -> bool {
        self.before == Before::Announced && self.create == Create::Search
    }

    /// Where all is well: also in the run after one that left the job open, because that one knew what it had not sent.
    fn normal(self) -> Outcome {
        if self.is_lost() {
            self.failed(Verdict::MayBeBooked)
        } else {
            self.successful()
        }
    }

    /// The rule.
    fn expected(self) -> Outcome {
        use Kind::{Damaged, Ends, Fatal, Landed, Rejected, Unavailable, Unknown};
        let (is_lost, normal) = (self.is_lost(), self.normal());
        let is_asked = match self.verb {
            Verb::Check | Verb::Resolve | Verb::Find => true,
            Verb::Book => self.before != Before::Booked && !is_lost,
            Verb::Attach => self.receipts && !is_lost,
        };
        match (self.verb, self.kind) {
            _ if !is_asked => normal,
            // The entry is in the books, and found there.
            (_, Landed) => self.successful(),
            (Verb::Book, Unknown | Ends) if self.create == Create::Search => {
                self.failed(Verdict::MayBeBooked)
            }
            (_, Unavailable | Unknown | Ends) if self.always => left_open(5),
            (_, Unavailable | Unknown | Ends) => normal,
            (_, Damaged) => left_open(1),
            (Verb::Book, Rejected) => self.failed(Verdict::NothingBooked),
            (Verb::Attach, Rejected) => self.failed(Verdict::BookedAs),
            (_, Rejected | Fatal) => self.given_up(),
        }
    }

    /// The job cannot go on.
    fn given_up(self) -> Outcome {
        let nothing_begun =
            self.before == Before::Nothing && matches!(self.verb, Verb::Check | Verb::Resolve);
        if nothing_begun {
            return Outcome {
                verdict: Verdict::None,
                event: Some(Event::Failed),
                exit: 4,
                attached: 0,
            };
        }
        let cannot_be_asked = self.verb == Verb::Find && self.always;
        let is_in_books = self.before == Before::Booked || self.verb == Verb::Attach;
        match () {
            // Before any item is read the results that are known are told.
            () if self.verb == Verb::Check && self.before == Before::Booked => Outcome {
                attached: 0,
                ..self.successful()
            },
            () if cannot_be_asked => self.failed(Verdict::MayBeBooked),
            () if is_in_books && self.receipts => self.failed(Verdict::BookedAs),
            () if is_in_books => self.successful(),
            // Only under a lock nothing is on its way any more.
            () if self.before == Before::Announced && self.create != Create::Exclusive => {
                self.failed(Verdict::MayBeBooked)
            }
            () => self.failed(Verdict::NothingBooked),
        }
    }

    fn successful(self) -> Outcome {
        Outcome {
            verdict: Verdict::Successful,
            event: Some(Event::Completed),
            exit: 0,
            attached: usize::from(self.receipts),
        }
    }

    fn failed(self, verdict: Verdict) -> Outcome {
        Outcome {
            verdict,
            event: Some(Event::Failed),
            exit: if verdict == Verdict::MayBeBooked { 6 } else { 3 },
            attached: 0,
        }
    }

    /// Does it, and looks.
    fn happens(self) -> Result<Outcome, String> {
        self.happens_in(World::new())
    }

    fn happens_in(self, world: World) -> Result<Outcome, String> {
        let world = world.with_settings(
            "[accounting]\nsystem = \"command\"\ngive_up_after_seconds = 1\n[accounting.command]\n\
             program = [\"/bin/sh\", \"connector.sh\"]\ntimeout_seconds = 20\n",
        );
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
        }
        let _ = fs::remove_file(world.path("attached"));
        let times = if self.always { "always" } else { "once" };
        let fault = format!("{:?} {:?} ", self.verb, self.kind).to_lowercase() + times + "\n";
        fs::write(world.path("fault"), fault).unwrap();
        let first = self.outcome(&world, &id, self.expected())?;
        if first.exit != 5 {
            return Ok(first);
        }
        let _ = fs::remove_file(world.path("fault"));
        let again = self.outcome(&world, &id, self.normal());
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

fn left_open(exit: i32) -> Outcome {
    Outcome {
        verdict: Verdict::None,
        event: None,
        exit,
        attached: 0,
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
