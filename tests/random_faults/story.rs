//! What happens to one job: a few runs of the program, each with its own troubles, then peace.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use fastrand::Rng;

use crate::interrupt::{Fate, nth_of};
use crate::sandbox::{Fault, ItemStatus, Job, Options, RetryAfter, Trouble, seed};
use crate::support::{Run, Transaction, World};

/// Figures of what was told.
#[derive(Clone, Copy, Debug, Default)]
pub struct Told {
    pub runs: u64,
    /// Ended with something else than 0 or 3, or by a signal.
    pub troubled_runs: u64,
    pub items: u64,
    /// Entries taken back, by command and by people.
    pub reversals: u64,
    /// Stories whose ledger has words of its own for the kinds of accounts.
    pub renamed: u64,
    /// Runs that were refused because a part of the ledger was away.
    pub unmounted: u64,
}

impl Told {
    pub fn add(&mut self, other: &Self) {
        self.runs += other.runs;
        self.troubled_runs += other.troubled_runs;
        self.items += other.items;
        self.reversals += other.reversals;
        self.renamed += other.renamed;
        self.unmounted += other.unmounted;
    }
}

/// A ledger that a person laid out before the first run, in words of her own.
const OWN_LEDGER: &str = "\
option \"name_assets\" \"Aktiver\"
option \"name_liabilities\" \"Passiver\"
option \"name_income\" \"Indtægter\"
option \"name_expenses\" \"Omkostninger\"
include \"accounts.beancount\"
include \"pleo/**/*.beancount\"
";

/// The kinds of accounts that make a result, in beancount's words and in those of that ledger.
const RESULT: [&str; 4] = ["Expenses:", "Income:", "Omkostninger:", "Indtægter:"];

/// Takes in what people put into the archive. Its folders are as deep as ours, so that receipts are found from there.
const ARCHIVE: &str = "include \"archive/*/*.beancount\"\n";

/// One seed's story.
pub struct Story {
    seed: u64,
    random: Rng,
    world: World,
    items: usize,
    told: Told,
    is_aloud: bool,
    /// A backup of the checkpoint's files, from between two runs.
    backup: Option<Vec<(PathBuf, Vec<u8>)>>,
    /// Whether the checkpoint is an older one than the last run left.
    is_restored: bool,
}

impl Story {
    pub fn new(seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let world = World::with_options(Options {
            page_size_max: random.usize(3..40),
            ..Options::default()
        });
        let policy = random.choice(["required", "required", "best_effort"]).unwrap();
        let world = world.with_settings(&format!(
            "[pleo]\nbatch_size = {}\ntimeout_seconds = 1\ngive_up_after_seconds = 1\n\
             [accounting]\ngive_up_after_seconds = 1\n[receipts]\ntimeout_seconds = 1\ngive_up_after_seconds = 1\n[bookkeeping]\nattachments = \"{policy}\"\n",
            random.usize(3..25)
        ));
        Self {
            seed,
            items: random.usize(4..32),
            random,
            world,
            told: Told::default(),
            is_aloud: false,
            backup: None,
            is_restored: false,
        }
    }

    /// Says what happens.
    pub fn aloud(mut self) -> Self {
        self.is_aloud = true;
        self
    }

    pub fn tell(mut self) -> Told {
        if self.random.u8(0..3) == 0 {
            fs::create_dir(self.world.path("books")).unwrap();
            fs::write(self.ledger(), OWN_LEDGER).unwrap();
            self.told.renamed = 1;
        }
        for _ in 0..self.random.usize(1..5) {
            self.troubled_run();
            self.world.keeps_its_promise();
            if self.random.u8(0..4) == 0 {
                self.archive();
                self.run_without_archive();
                self.world.keeps_its_promise();
            }
            for _ in 0..self.random.usize(0..3) {
                self.take_back();
                self.world.keeps_its_promise();
            }
        }
        self.peace();
        self.told.items = u64::try_from(self.items).unwrap();
        self.told
    }

    fn say(&self, text: impl FnOnce() -> String) {
        if self.is_aloud {
            println!("{}", text());
        }
    }

    fn open_jobs(&self) -> usize {
        let jobs = self.world.sandbox.jobs();
        jobs.iter().filter(|job| !job.status.is_ended()).count()
    }

    /// Somebody clicks Export.
    fn export(&mut self) -> String {
        self.world
            .sandbox
            .add_job(Job::of(seed::mixed(self.items, self.seed)))
    }

    fn troubled_run(&mut self) {
        if self.open_jobs() == 0 {
            self.export();
        }
        if self.random.u8(..) < 40 {
            let minutes = self.random.u64(1..75);
            self.say(|| format!("the clock jumps by {minutes} minutes"));
            self.world
                .sandbox
                .advance_clock(Duration::from_secs(minutes * 60));
        }
        for _ in 0..self.random.usize(0..5) {
            let fault = self.fault();
            self.say(|| format!("{fault:?}"));
            self.world.sandbox.fault(fault);
        }
        self.back_up_or_restore();
        let run = match self.random.u8(0..13) {
            0..=2 => self.killed_run(),
            3..=4 => self.run_with_little_room(),
            5 => self.world.run(&["resume"]),
            6 => self.stopped_run(),
            7..=8 => self.stalled_run(),
            _ => self.world.run(&["poll"]),
        };
        self.heard(&run);
        assert!(run.code.is_none_or(|code| (0..=6).contains(&code)), "{run}");
        assert!(!run.stderr.contains("panicked"), "{run}");
        self.world.sandbox.clear_faults();
    }

    fn killed_run(&mut self) -> Run {
        let fate = if self.random.bool() {
            Fate::TakesEffect
        } else {
            Fate::IsLost
        };
        let method = self.random.choice(["GET", "PUT", "PUT", "POST"]).unwrap();
        let nth = self.random.usize(1..7);
        self.say(|| format!("killed at {method} number {nth}, which {fate:?}"));
        self.world
            .run_and_signal(&["poll"], "KILL", fate, nth_of(method, nth))
    }

    /// Somebody stops the program in order.
    fn stopped_run(&mut self) -> Run {
        let (method, nth) = (
            self.random.choice(["GET", "PUT", "POST"]).unwrap(),
            self.random.usize(1..7),
        );
        self.say(|| format!("stopped at {method} number {nth}"));
        self.world
            .run_and_signal(&["poll"], "TERM", Fate::TakesEffect, nth_of(method, nth))
    }

    /// The machine sleeps while a request is on its way, and Pleo's clock goes on.
    fn stalled_run(&mut self) -> Run {
        let (method, nth) = (
            self.random.choice(["GET", "PUT", "POST"]).unwrap(),
            self.random.usize(1..7),
        );
        let minutes = self.random.choice([0, 0, 1, 20, 70]).unwrap();
        self.say(|| format!("asleep for {minutes} minutes at {method} number {nth}"));
        self.world
            .run_and_stall(&["poll"], Duration::from_secs(minutes * 60), nth_of(method, nth))
    }

    /// The files of the checkpoint that there are.
    fn checkpoint_files(&self) -> Vec<PathBuf> {
        [
            "checkpoint.sqlite3",
            "checkpoint.sqlite3-wal",
            "checkpoint.sqlite3-shm",
        ]
        .map(|name| self.world.path(name))
        .into_iter()
        .filter(|path| path.exists())
        .collect()
    }

    fn back_up_or_restore(&mut self) {
        match self.random.u8(0..8) {
            0..=1 => {
                let files = self.checkpoint_files().into_iter();
                self.backup = Some(
                    files
                        .map(|path| (path.clone(), fs::read(path).unwrap()))
                        .collect(),
                );
                self.say(|| "a backup".to_owned());
            }
            2 => {
                let Some(backup) = self.backup.clone() else { return };
                self.checkpoint_files()
                    .iter()
                    .for_each(|path| fs::remove_file(path).unwrap());
                for (path, content) in &backup {
                    fs::write(path, content).unwrap();
                }
                self.is_restored = true;
                self.say(|| "the backup is restored".to_owned());
            }
            _ => {}
        }
    }

    /// No file may grow beyond some size: checkpoint, books and receipts meet a full disk, each at its moment.
    fn run_with_little_room(&mut self) -> Run {
        let blocks = self.random.usize(0..160);
        let ignored = if self.random.bool() { "trap '' XFSZ; " } else { "" };
        self.say(|| format!("room for {blocks} blocks, {ignored}"));
        let program = self.world.command(&["poll"]);
        let mut command = Command::new("sh");
        command
            .args([
                "-c",
                &format!("{ignored}ulimit -c 0; ulimit -f {blocks}; exec \"$0\" poll"),
            ])
            .arg(program.get_program())
            .current_dir(self.world.path(""))
            .env_clear()
            .envs(self.world.environment());
        self.world.run_command(&mut command)
    }

    fn ledger(&self) -> PathBuf {
        self.world.path("books/main.beancount")
    }

    /// Somebody moves one of our files into an archive that the ledger includes.
    fn archive(&mut self) {
        let pleo = self.world.path("books/pleo");
        let files = self.world.books().files().into_keys();
        let ours: Vec<PathBuf> = files
            .filter(|path| path.starts_with(&pleo) && path.parent() != Some(&pleo))
            .collect();
        let Some(file) = self.random.choice(ours) else {
            return;
        };
        let name = file.strip_prefix(&pleo).unwrap();
        self.say(|| format!("{} goes into the archive", name.display()));
        let archived = self.world.path("books/archive").join(name);
        fs::create_dir_all(archived.parent().unwrap()).unwrap();
        fs::rename(&file, archived).unwrap();
        let text = fs::read_to_string(self.ledger()).unwrap();
        if !text.contains(ARCHIVE) {
            fs::write(self.ledger(), text + ARCHIVE).unwrap();
        }
    }

    /// The disk with the archive is not there for one run: nothing is booked.
    fn run_without_archive(&mut self) {
        let archive = self.world.path("books/archive");
        if !archive.exists() {
            return;
        }
        if self.open_jobs() == 0 {
            self.export();
        }
        fs::rename(&archive, self.world.path("unmounted")).unwrap();
        let before = self.world.books().files();
        let run = self.world.run(&["poll"]);
        self.heard(&run);
        assert_eq!(self.world.books().files(), before, "{run}");
        if run.code == Some(1) {
            assert!(run.stderr.contains("matches no file"), "{run}");
            self.told.unmounted += 1;
        }
        fs::rename(self.world.path("unmounted"), archive).unwrap();
    }

    /// Somebody takes an entry back: by command, which may be killed, or by hand.
    fn take_back(&mut self) {
        let transactions = self.world.books().transactions();
        let taken_back: BTreeSet<String> = transactions
            .iter()
            .filter_map(|transaction| transaction.metadata.get("pleo-reverses").cloned())
            .collect();
        let by_hand = fs::read_to_string(self.ledger()).unwrap_or_default();
        let stands = |transaction: &&Transaction| {
            let Some(number) = transaction.metadata.get("pleo-number") else {
                return false;
            };
            transaction.metadata.contains_key("pleo-entry")
                && !taken_back.contains(number)
                && !by_hand.contains(&format!("by hand: {number}\""))
        };
        let standing: Vec<&Transaction> = transactions.iter().filter(stands).collect();
        let Some(chosen) = self.random.choice(&standing) else {
            return;
        };
        let value = |transaction: &Transaction, key: &str| transaction.metadata.get(key).cloned();
        let is_of_entry = |transaction: &&&Transaction| {
            ["pleo-entry", "pleo-revision"]
                .iter()
                .all(|key| value(transaction, key) == value(chosen, key))
        };
        let documents: Vec<&Transaction> = standing.iter().filter(is_of_entry).copied().collect();
        self.told.reversals += 1;
        if self.random.bool() {
            return self.reverse(&value(chosen, "pleo-number").unwrap(), &documents);
        }
        let accounts = documents.iter().flat_map(|document| &document.postings);
        let touches_result = accounts
            .map(|(account, _)| account)
            .any(|account| RESULT.iter().any(|kind| account.starts_with(kind)));
        // Where balance sheet accounts alone are moved, the program would rightly ask.
        let is_marked = !touches_result || self.random.bool();
        let text: String = documents
            .iter()
            .map(|document| mirror_by_hand(document, is_marked))
            .collect();
        self.say(|| format!("taken back by hand:{text}"));
        fs::write(self.ledger(), by_hand + &text).unwrap();
    }

    fn reverse(&mut self, number: &str, documents: &[&Transaction]) {
        let mut program = self.world.command(&["reverse", number, "--reason", "a story"]);
        if self.random.bool() {
            let moment = self.random.usize(1..12);
            self.say(|| format!("{number} is taken back, killed at {moment}"));
            let run = self
                .world
                .run_command(program.env("PLEO_EXPORT_KILL_AT", moment.to_string()));
            self.say(|| run.to_string());
        }
        let run = self.world.run(&["reverse", number]);
        self.say(|| run.to_string());
        let was_done_before = run.code == Some(6) && run.stderr.contains("reversed already");
        assert!(run.code == Some(0) || was_done_before, "{run}");
        let mirrors = self.world.books().transactions();
        for document in documents {
            let number = &document.metadata["pleo-number"];
            let of_it = mirrors
                .iter()
                .filter(|mirror| mirror.metadata.get("pleo-reverses") == Some(number));
            assert_eq!(of_it.count(), 1, "{number}: {run}");
        }
    }

    fn heard(&mut self, run: &Run) {
        self.told.runs += 1;
        if !matches!(run.code, Some(0 | 3)) {
            self.told.troubled_runs += 1;
        }
        self.say(|| run.to_string());
    }

    fn fault(&mut self) -> Fault {
        let (method, path, trouble) = match self.random.u8(0..8) {
            0 => ("GET", "/receipts/**", self.receipt_trouble()),
            1..=2 => ("PUT", "/v3/**", self.update_trouble()),
            3 => ("POST", "/v3/**", self.event_trouble()),
            _ => ("GET", "/v3/**", self.reading_trouble()),
        };
        let fault = Fault::new(trouble).on(method, path).at(self.random.usize(1..9));
        match self.random.u8(0..6) {
            0 => fault.always(),
            1 => fault.times(self.random.usize(2..4)),
            _ => fault,
        }
    }

    /// What the network and any server can do.
    fn network_trouble(&mut self) -> Trouble {
        match self.random.u8(0..9) {
            0 => Trouble::Status(self.random.choice([500, 502, 503, 504, 408]).unwrap()),
            1 => Trouble::RateLimit(self.retry_after()),
            2 => Trouble::ResetBeforeEffect,
            3 => Trouble::LostAnswer,
            4 => Trouble::StatusAfterEffect(self.random.choice([500, 502, 504]).unwrap()),
            5 => Trouble::TruncatedBody,
            6 => Trouble::BrokenJson,
            7 => Trouble::HtmlPage,
            _ => Trouble::SlowMilliseconds(self.random.u64(10..1_500)),
        }
    }

    fn retry_after(&mut self) -> RetryAfter {
        match self.random.u8(0..5) {
            0 => RetryAfter::Unsaid,
            1 => RetryAfter::Seconds(self.random.choice([0, 1, 3600]).unwrap()),
            2 => RetryAfter::Date(self.random.u64(0..3)),
            _ => RetryAfter::Text("soon".to_owned()),
        }
    }

    fn reading_trouble(&mut self) -> Trouble {
        match self.random.u8(0..14) {
            0 => Trouble::Status(self.random.choice([401, 403]).unwrap()),
            1 => Trouble::RepeatedCursor,
            2 => Trouble::MissingCursor,
            3 => Trouble::ItemTwice,
            4 => Trouble::WrongCount(self.random.u64(0..40)),
            _ => self.network_trouble(),
        }
    }

    fn update_trouble(&mut self) -> Trouble {
        match self.random.u8(0..8) {
            0 => Trouble::Status(401),
            1..=2 => {
                let entries = (0..self.random.usize(1..4))
                    .map(|_| seed::entry_id(self.seed, self.random.usize(0..self.items)))
                    .collect();
                Trouble::RefusedItems {
                    entries,
                    error_type: "EXPORT_ENTRY_STATUS_UPDATE_FAILED".to_owned(),
                }
            }
            _ => self.network_trouble(),
        }
    }

    fn event_trouble(&mut self) -> Trouble {
        match self.random.u8(0..6) {
            0 => Trouble::Status(401),
            1 => Trouble::LateEvent(Some(self.random.u32(0..3))),
            _ => self.network_trouble(),
        }
    }

    fn receipt_trouble(&mut self) -> Trouble {
        match self.random.u8(0..6) {
            0 => Trouble::Status(self.random.choice([403, 404, 410]).unwrap()),
            1 => Trouble::ContentType("text/html".to_owned()),
            2 => Trouble::LongerThanAnnounced,
            _ => self.network_trouble(),
        }
    }

    /// Nothing goes wrong any more: what is open is finished, and one more export finds or books every entry.
    fn peace(&mut self) {
        let file = self.world.path("pleo-export.toml");
        let settings = fs::read_to_string(&file).unwrap();
        fs::write(file, settings.replace("_seconds = 1\n", "_seconds = 60\n")).unwrap();
        let run = self.world.run(&["poll"]);
        self.heard(&run);
        // An older checkpoint takes the job for another instance's, which a person must be told of once it stands still.
        let is_in_the_way =
            self.is_restored && run.code == Some(6) && run.stderr.contains("another instance");
        assert!(is_in_the_way || matches!(run.code, Some(0 | 3 | 4)), "{run}");
        self.world.keeps_its_promise();
        if self.is_restored {
            // The older checkpoint may not know that the job is ours.
            for job in self
                .world
                .sandbox
                .jobs()
                .iter()
                .filter(|job| !job.status.is_ended())
            {
                let run = self.world.run(&["run-job", &job.id, "--adopt"]);
                assert!(matches!(run.code, Some(0 | 3 | 4)), "{run}");
            }
            self.world.keeps_its_promise();
        }
        assert_eq!(self.open_jobs(), 0, "{run}");

        let last = self.export();
        let run = self.world.run(&["poll"]);
        self.heard(&run);
        let state = self.world.sandbox.job(&last);
        assert_eq!(state.count(ItemStatus::Successful), self.items, "{run}");
        let run = run.exits(0);
        assert_eq!(self.world.books().entries().len(), self.items, "{run}");
        self.world.keeps_its_promise_and_all_rules();
        self.world.has_each_entry_once();
        self.world.books().are_clean();
    }
}

/// A document the other way round, as a person writes it.
fn mirror_by_hand(document: &Transaction, is_marked: bool) -> String {
    let (number, entry) = (
        &document.metadata["pleo-number"],
        &document.metadata["pleo-entry"],
    );
    let day = document.head.get(..10).unwrap();
    let mut lines = vec![
        String::new(),
        format!("{day} * \"Taken back\" \"by hand: {number}\" ^pleo-{entry}"),
    ];
    if is_marked {
        lines.push(format!("  pleo-reverses: \"{number}\""));
    }
    for (account, amount) in &document.postings {
        let turned = match amount.strip_prefix('-') {
            Some(amount) => amount.to_owned(),
            None => format!("-{amount}"),
        };
        lines.push(format!("  {account}  {turned}"));
    }
    lines.join("\n") + "\n"
}
