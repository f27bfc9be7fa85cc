//! What happens to one job: a few runs of the program, each with its own troubles, then peace.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use fastrand::Rng;

use crate::interrupt::{Fate, nth_of};
use crate::sandbox::{Fault, ItemStatus, Job, Options, RetryAfter, Trouble, seed};
use crate::support::{Run, World};

/// Figures of what was told.
#[derive(Clone, Copy, Debug, Default)]
pub struct Told {
    pub runs: u64,
    /// Ended with something else than 0 or 3, or by a signal.
    pub troubled_runs: u64,
    pub items: u64,
}

impl Told {
    pub fn add(&mut self, other: &Self) {
        self.runs += other.runs;
        self.troubled_runs += other.troubled_runs;
        self.items += other.items;
    }
}

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
            "[pleo]\nbatch_size = {}\ntimeout_seconds = 1\ngive_up_after_seconds = 1\n[bookkeeping]\nattachments = \"{policy}\"\n",
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
        for _ in 0..self.random.usize(1..5) {
            self.troubled_run();
            self.world.keeps_its_promise();
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
        let run = self.world.run(&["poll"]);
        self.heard(&run);
        assert!(matches!(run.code, Some(0 | 3 | 4)), "{run}");
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
        self.world.books().are_clean();
    }
}
