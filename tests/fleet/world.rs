//! Companies, hosts, and what must be true once all is done.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::built::example;
use crate::cluster::{self, Cluster};
use crate::sandbox::seed::Item;
use crate::sandbox::{ItemStatus, Job, JobStatus, Options, Sandbox, key_of};
use crate::support::Run;

/// How long a lease lasts, and the grace after it, in seconds.
pub const LEASE: u64 = 2;
pub const GRACE: u64 = 2;

/// For how long something may take to come about.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Companies with their Pleo, a database, and books that all hosts reach.
pub struct Fleet {
    pub sandbox: Sandbox,
    /// The address of the database.
    pub url: String,
    folder: TempDir,
    /// Lease and grace in seconds.
    lengths: (u64, u64),
    program: PathBuf,
    bug: Option<&'static str>,
}

/// The name and id of the n-th company.
pub fn company(number: usize) -> String {
    format!("7e57c0de-0000-4000-8000-{number:012x}")
}

impl Fleet {
    /// A fleet of so many companies on the cluster that all tests share; nothing where there is no PostgreSQL.
    pub fn of(companies: usize) -> Option<Self> {
        Some(Self::on(Cluster::shared()?, companies))
    }

    /// The same on a cluster of the test's own.
    pub fn on(cluster: &Cluster, companies: usize) -> Self {
        let fleet = Self::before_init(cluster.database(), companies);
        fleet.host("any").run(&["fleet", "init"]).exits(0);
        fleet
    }

    /// A fleet with this database, whatever is in it.
    pub fn before_init(url: String, companies: usize) -> Self {
        let mut ids = (0..companies).map(company);
        let sandbox = Sandbox::start(Options {
            company: ids.next().unwrap(),
            more_companies: ids.collect(),
            ..Options::default()
        });
        let folder = tempfile::tempdir().unwrap();
        let fleet = Self {
            sandbox,
            url,
            folder,
            lengths: (LEASE, GRACE),
            program: std::env::var_os("PLEO_EXPORT_FLEET_TEST_PROGRAM")
                .map_or_else(|| env!("CARGO_BIN_EXE_pleo-export").into(), Into::into),
            bug: None,
        };
        fs::create_dir(fleet.path("books")).unwrap();
        fs::write(fleet.path("books/accounts.txt"), "6800\n5820\n1510\n").unwrap();
        fs::create_dir(fleet.path("companies")).unwrap();
        for number in 0..companies {
            fleet.write_company(number, "");
        }
        fleet
    }

    /// With a deliberate bug in every process.
    pub fn with_bug(mut self, bug: &'static str) -> Self {
        let program = std::env::var_os("PLEO_EXPORT_WITH_BUGS").expect("a program with bugs");
        self.program = fs::canonicalize(program).unwrap();
        self.bug = Some(bug);
        self
    }

    /// With leases of another length, in seconds.
    pub fn with_lease(mut self, lease: u64) -> Self {
        self.lengths.0 = lease;
        self
    }

    /// With a grace of another length, in seconds.
    pub fn with_grace(mut self, grace: u64) -> Self {
        self.lengths.1 = grace;
        self
    }

    /// Writes a company's settings, with more of them at the end.
    pub fn write_company(&self, number: usize, more: &str) {
        let id = company(number);
        let key = self.path(&format!("companies/{number}.key"));
        fs::write(&key, key_of(&id)).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        let settings = format!(
            "[pleo]\nbase_url = \"{}\"\ncompany_id = \"{id}\"\napi_key_file = \"{number}.key\"\ntimeout_seconds = {GRACE}\n\
             give_up_after_seconds = 1\n[receipts]\ntimeout_seconds = 20\ngive_up_after_seconds = 20\n[accounting]\n\
             system = \"command\"\ngive_up_after_seconds = 1\n[accounting.command]\nprogram = [{:?}, {:?}]\n\
             timeout_seconds = {GRACE}\n{more}",
            self.sandbox.url(),
            connector().display().to_string(),
            self.path("books").display().to_string(),
        );
        fs::write(self.settings_of(number), settings).unwrap();
    }

    pub fn settings_of(&self, number: usize) -> PathBuf {
        self.path(&format!("companies/{number}.toml"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Adds a job of so many card purchases, every third with a receipt, and answers its id.
    pub fn add_job(&self, number: usize, items: usize) -> String {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let item = |index: usize| {
            let entry = NEXT.fetch_add(1, Ordering::SeqCst);
            let item = Item::card_purchase(12_500).numbered(entry);
            let item = item.set("companyId", json!(company(number)));
            if index.is_multiple_of(3) {
                item.receipt("pdf")
            } else {
                item
            }
            .build()
        };
        let items = (0..items).map(item).collect();
        self.sandbox.add_job(Job::of(items).of_company(&company(number)))
    }

    /// A host of this name, which reaches the database by its own address.
    pub fn host(&self, name: &str) -> Host<'_> {
        self.host_by(name, &self.url)
    }

    /// A host that reaches the database by another address.
    pub fn host_by(&self, name: &str, url: &str) -> Host<'_> {
        let state = self.path(&format!("state-of-{name}"));
        fs::create_dir_all(&state).unwrap();
        fs::write(state.join("database-url"), url).unwrap();
        fs::set_permissions(state.join("database-url"), fs::Permissions::from_mode(0o600)).unwrap();
        let (lease, grace) = self.lengths;
        let settings = format!(
            "[fleet]\nurl_file = \"database-url\"\nlease_seconds = {lease}\ngrace_seconds = {grace}\n"
        );
        fs::write(state.join("fleet.toml"), settings).unwrap();
        let environment = BTreeMap::from([
            ("STATE_DIRECTORY".to_owned(), state.clone().into()),
            ("PLEO_EXPORT_HOST_NAME".to_owned(), name.into()),
            // Milliseconds, in the place of the time that a request may take.
            ("PLEO_EXPORT_WAIT_FOR_OTHERS".to_owned(), "100".into()),
            // Nothing here is served with a certificate that the system knows, and reading all of those takes long.
            (
                "SSL_CERT_FILE".to_owned(),
                concat!(env!("CARGO_MANIFEST_DIR"), "/tests/promise/certificate.pem").into(),
            ),
        ]);
        let mut host = Host {
            fleet: self,
            state,
            environment,
        };
        if let Some(bug) = self.bug {
            host.environment.insert("PLEO_EXPORT_BUG".to_owned(), bug.into());
        }
        host
    }

    #[track_caller]
    pub fn sql(&self, statements: &str) -> String {
        cluster::sql(&self.url, statements)
    }

    /// The entries that the books hold.
    pub fn booked(&self) -> BTreeSet<String> {
        let files = fs::read_dir(self.path("books/journal"))
            .into_iter()
            .flatten()
            .flatten();
        let names = files.filter_map(|file| file.file_name().into_string().ok());
        names
            .filter_map(|name| name.strip_suffix(".csv").map(str::to_owned))
            .collect()
    }

    /// Everything that is not as it should be now that all is done: jobs that are open, items without a true verdict, steps
    /// back, entries that are not in the books or were never exported, and broken rules of the contract.
    pub fn findings(&self) -> Vec<String> {
        let mut findings = self.sandbox.broken_rules();
        // The sandbox takes all clients for one. A read changes nothing.
        findings
            .retain(|rule| !rule.contains("the items of a job were read that the client knew to be ended"));
        let (mut booked, told) = (self.booked(), self.told());
        for job in self.sandbox.jobs() {
            if job.status != JobStatus::Completed {
                findings.push(format!(
                    "job {} is {:?} after {:?}",
                    job.id, job.status, job.events
                ));
            }
            for item in job.items {
                let entry = &item.entry;
                if item.status != ItemStatus::Successful || item.external_id.as_ref() != Some(entry) {
                    findings.push(format!("not a success: {item:?}"));
                }
                let is_final: Vec<bool> = item.history.iter().map(|status| status.is_final()).collect();
                if !is_final.is_sorted() {
                    findings.push(format!("a step back: {item:?}"));
                }
                if !booked.remove(entry) {
                    findings.push(format!("{entry} is not in the books"));
                }
                if told.get(entry).map(String::as_str) != Some("successful") {
                    findings.push(format!(
                        "{entry} is told as {:?} in the database",
                        told.get(entry)
                    ));
                }
            }
        }
        findings.extend(
            booked
                .into_iter()
                .map(|entry| format!("{entry} was never exported")),
        );
        findings
    }

    /// The last verdict of each entry, as the database has it.
    fn told(&self) -> BTreeMap<String, String> {
        let rows = self.sql("SELECT entry_id, outcome FROM pleo_export.verdict ORDER BY epoch, part");
        let rows = rows.lines().filter_map(|row| row.split_once('|'));
        rows.map(|(entry, outcome)| (entry.to_owned(), outcome.to_owned()))
            .collect()
    }

    #[track_caller]
    pub fn is_all_well(&self) {
        let findings = self.findings();
        assert!(findings.is_empty(), "{findings:#?}");
    }

    /// Waits until this holds, looking whenever Pleo has answered somebody, and fails when it does not in half a minute.
    #[track_caller]
    pub fn eventually(&self, what: &str, holds: impl Fn() -> bool) {
        let (news, until) = (self.sandbox.watch(), Instant::now() + PATIENCE);
        while !holds() {
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "it never came about that {what}");
            let _ = news.recv_timeout(left);
        }
    }

    /// Asks the database until it says so, and fails when it does not in half a minute.
    #[track_caller]
    pub fn until_it_says(&self, condition: &str) {
        let until = Instant::now() + PATIENCE;
        let question = format!("SELECT {condition} FROM pleo_export.company");
        while self.sql(&question) != "t" {
            assert!(Instant::now() < until, "the database never said that {condition}");
        }
    }

    /// Whether every job has ended.
    pub fn is_done(&self) -> bool {
        self.sandbox.jobs().iter().all(|job| job.status.is_ended())
    }
}

/// A host: a folder of its own and a name.
#[derive(Clone)]
pub struct Host<'fleet> {
    fleet: &'fleet Fleet,
    pub state: PathBuf,
    environment: BTreeMap<String, OsString>,
}

impl Host<'_> {
    /// With a variable in every process.
    pub fn with_variable(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        self.command_with(&self.state.join("fleet.toml"), arguments)
    }

    /// A command for one company alone.
    pub fn of_company(&self, number: usize, arguments: &[&str]) -> Command {
        self.command_with(&self.fleet.settings_of(number), arguments)
    }

    fn command_with(&self, settings: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.fleet.program);
        command
            .arg("--config")
            .arg(settings)
            .args(arguments)
            .current_dir(&self.state)
            .env_clear()
            .envs(&self.environment)
            .stdin(Stdio::null());
        command
    }

    /// A worker: a round over all companies that are due.
    pub fn worker(&self) -> Command {
        let mut command = self.command(&["poll", "--json", "--companies"]);
        command.arg(self.fleet.path("companies"));
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Run {
        run(&mut self.command(arguments))
    }

    /// One round.
    pub fn round(&self) -> Run {
        run(&mut self.worker())
    }

    /// Begins a round, with its log in a file of the host's own.
    pub fn begin(&self) -> Working {
        let log = self.state.join("log.txt");
        let child = self
            .worker()
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Working { child, log }
    }

    /// Round after round until this holds; fails when it does not in ten minutes.
    #[track_caller]
    pub fn rounds_until(&self, what: &str, holds: impl Fn() -> bool) {
        let until = Instant::now() + Duration::from_secs(600);
        let mut last = String::new();
        while !holds() {
            assert!(Instant::now() < until, "it never came about that {what}: {last}");
            last = self.round().to_string();
        }
    }
}

/// A worker at work.
pub struct Working {
    pub child: Child,
    log: PathBuf,
}

impl Working {
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    pub fn ends(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().unwrap().code();
        (code, self.log())
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn run(command: &mut Command) -> Run {
    Run::of(
        &format!("{command:?}"),
        command.output().expect("the program starts"),
    )
}

/// The example connector, which books each entry once.
pub fn connector() -> PathBuf {
    example("csv_connector")
}

/// What an answer says of companies.
pub fn companies_of(answer: &Value) -> Vec<&Value> {
    answer["companies"].as_array().into_iter().flatten().collect()
}
