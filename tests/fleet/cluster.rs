//! A PostgreSQL of the tests' own, started and ended by `.ci/postgres`. It lives as long as its stdin, so it never outlives
//! the tests, however they end.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Once, OnceLock};

use tempfile::TempDir;

use crate::tell;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/.ci/postgres");

/// What `.ci/postgres` ends with where there is no PostgreSQL.
const ABSENT: i32 = 77;

static SAID: Once = Once::new();

/// A running cluster.
pub struct Cluster {
    /// The address of its first database, whose user may do everything.
    url: String,
    /// Its folder, where the Unix socket and the certificates lie; nothing for a cluster that is somebody else's.
    pub folder: Option<PathBuf>,
    /// Where PgBouncer answers for it, if that is installed.
    pooled_port: Option<u16>,
    keeper: Option<Child>,
    /// Removed at last.
    _temporary: Option<TempDir>,
}

impl Cluster {
    /// The one that all tests share, or nothing (said in one line) where there is no PostgreSQL.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Cluster>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| match std::env::var("PLEO_EXPORT_FLEET_TEST_URL") {
            Ok(url) if !url.is_empty() => Some(Self {
                url,
                folder: None,
                pooled_port: None,
                keeper: None,
                _temporary: None,
            }),
            _ => Self::start(),
        });
        shared.as_ref()
    }

    /// One that the test may treat badly.
    pub fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut keeper = Command::new(SCRIPT)
            .arg("serve")
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(keeper.stdout.take().unwrap()).lines();
        // It prints four lines once it answers, and ends at once where it cannot.
        let lines: Vec<String> = lines.take(4).map(Result::unwrap).collect();
        let value = |name: &str| {
            let name = format!("PLEO_EXPORT_FLEET_TEST_{name}=");
            lines.iter().find_map(|line| line.strip_prefix(&name))
        };
        let Some(url) = value("URL").map(str::to_owned) else {
            let code = keeper.wait().unwrap().code();
            assert_eq!(code, Some(ABSENT), "{SCRIPT} failed");
            SAID.call_once(|| {
                tell("fleet: did NOT run, because there is no PostgreSQL here (Debian: apt-get install postgresql)");
            });
            return None;
        };
        Some(Self {
            url,
            folder: Some(folder.path().to_owned()),
            pooled_port: value("POOLED_PORT").and_then(|port| port.parse().ok()),
            keeper: Some(keeper),
            _temporary: Some(folder),
        })
    }

    /// Makes a database and answers its address.
    pub fn database(&self) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        let name = format!("fleet_{}_{number}", std::process::id());
        sql(&self.url, &format!("CREATE DATABASE {name}"));
        self.address(&name)
    }

    /// The address of a database.
    pub fn address(&self, database: &str) -> String {
        let (server, _) = self.url.rsplit_once('/').unwrap();
        format!("{server}/{database}")
    }

    /// Host and port that it answers on.
    pub fn port(&self) -> u16 {
        let (server, _) = self.url.rsplit_once('/').unwrap();
        server.rsplit_once(':').unwrap().1.parse().unwrap()
    }

    /// The same by way of PgBouncer, which gives each transaction another connection; nothing (said in one line) where there is
    /// no PgBouncer.
    pub fn pooled(&self, database_url: &str) -> Option<String> {
        let Some(port) = self.pooled_port else {
            tell(
                "fleet: PgBouncer did NOT run, because it is not installed (Debian: apt-get install pgbouncer)",
            );
            return None;
        };
        let (_, database) = database_url.rsplit_once('/').unwrap();
        Some(format!("postgresql://postgres@127.0.0.1:{port}/{database}"))
    }

    /// Ends it without mercy and starts it again.
    pub fn crash(&self) {
        self.script("restart");
    }

    /// The folder of a cluster of the tests' own.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.as_deref().unwrap_or(Path::new("/")).join(name)
    }

    fn script(&self, command: &str) {
        let folder = self.folder.as_ref().unwrap();
        let status = Command::new(SCRIPT).arg(command).arg(folder).status().unwrap();
        assert!(status.success(), "{SCRIPT} {command}");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(mut keeper) = self.keeper.take() {
            drop(keeper.stdin.take());
            let _ = keeper.wait();
        }
    }
}

/// Runs statements by PostgreSQL's own program and answers the rows, columns between `|`.
#[track_caller]
pub fn sql(url: &str, statements: &str) -> String {
    let output = Command::new("psql")
        .args(["-X", "-qAt", "-v", "ON_ERROR_STOP=1", "-c", statements, url])
        .output()
        .expect("psql is there");
    assert!(
        output.status.success(),
        "{statements}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
