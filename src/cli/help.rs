//! What `--help` says beyond the flags: variables and examples; and which version this is.

use std::sync::LazyLock;

/// The version, with the commit where the build was told it: `PLEO_EXPORT_COMMIT=$(git rev-parse --short HEAD) cargo build`.
pub(super) static VERSION: LazyLock<String> = LazyLock::new(|| match option_env!("PLEO_EXPORT_COMMIT") {
    Some(commit) if !commit.is_empty() => format!("{} ({commit})", env!("CARGO_PKG_VERSION")),
    _ => env!("CARGO_PKG_VERSION").to_owned(),
});

/// The variables, for `pleo-export --help` and the manual page.
pub(super) const VARIABLES: &str = "\
Environment variables, which beat the settings file:
  PLEO_COMPANY_ID          the company's id on Pleo
  PLEO_API_KEY             an API key, or PLEO_ACCESS_TOKEN
  PLEO_CLIENT_ID           the application of `login` (OAuth)
  PLEO_CLIENT_SECRET       its secret
  PLEO_AUTH_URL            another place for its consent than https://auth.pleo.io
  PLEO_BASE_URL            another Pleo than https://external.pleo.io
  PLEO_EXPORT_CONFIG       the settings file, like --config
  PLEO_EXPORT_CHECKPOINT   where progress is kept
  PLEO_EXPORT_BOOKS        the folder of beancount books
  ODOO_API_KEY             the key for Odoo
  PLEO_EXPORT_FLEET_URL    the database of a fleet
  NO_COLOR                 no colours on a terminal";

pub(super) const POLL: &str = "\
Examples:
  pleo-export poll                      what a scheduler calls every five minutes
  pleo-export poll -q                   the same from cron: says nothing unless something failed
  pleo-export poll --max-jobs 1 --json  one job at most, answered for scripts";

pub(super) const RUN_JOB: &str = "\
Examples:
  pleo-export run-job 2b1f7c1e            the first 8 characters do where they are unique
  pleo-export run-job 2b1f7c1e --adopt    take it over from an instance that is gone";

pub(super) const CHECK: &str = "\
Examples:
  pleo-export check                       before the first run, and after a change of the settings
  pleo-export check -q                    from a script: says what is wrong alone";

pub(super) const PREVIEW: &str = "\
Examples:
  pleo-export preview                     the job that the next poll takes
  pleo-export preview --all --receipts    every open one, with what is wrong with receipts";

pub(super) const VERIFY: &str = "\
Examples:
  pleo-export verify                      every export that there ever was
  pleo-export verify --since 2026-01-01   those of this year";

pub(super) const PRUNE_EVIDENCE: &str = "\
Example:
  pleo-export prune-evidence --before 2020   the years up to and with 2019";

pub(super) const LOGIN: &str = "\
Examples:
  pleo-export login                       where a browser can come back to this machine
  pleo-export login --paste               on a server: paste the address that the browser ended on
  pleo-export login --status              which connection there is";

pub(super) const SUBSCRIBE: &str = "\
Examples:
  pleo-export subscribe https://example.com/webhooks/pleo/your-company-id
  pleo-export subscribe --list";

#[cfg(feature = "listen")]
pub(super) const LISTEN: &str = "\
Example:
  pleo-export listen --bind 127.0.0.1:8787 --every 5m   behind a proxy that speaks https";

pub(super) const COMPLETIONS: &str = "\
Examples:
  pleo-export completions bash > ~/.local/share/bash-completion/completions/pleo-export
  pleo-export completions zsh > ~/.zfunc/_pleo-export       with ~/.zfunc in $fpath
  pleo-export completions fish > ~/.config/fish/completions/pleo-export.fish";

pub(super) const STATUS: &str = "\
Where nothing names a checkpoint, the only one is taken in $STATE_DIRECTORY (or the user's state
folder), the working folder, or /var/lib/pleo-export, the place of the example's service.

Examples:
  pleo-export status                           is all well? and the last 20 jobs
  pleo-export status --max-age 30m             exit 6 when the last success is older
  pleo-export status --job 2b1f7c1e            its items, and its failures by cause
  pleo-export status --job 2b1f7c1e --audit    who decided what, when and why
  sudo -u pleo-export pleo-export status       of the example's service";

pub(super) const FLEET: &str = "\
The settings of a fleet stand in a file that holds [fleet] alone (url_file, ca_file, lease_seconds,
grace_seconds), named by --config; or PLEO_EXPORT_FLEET_URL names its database.

Examples:
  pleo-export --config fleet.toml fleet init               once, and after an update of pleo-export
  pleo-export --config fleet.toml poll --companies DIR     a worker: what a scheduler starts on each host
  pleo-export --config fleet.toml fleet status --max-age 30m";

pub(super) const REVERSE: &str = "\
Example:
  pleo-export reverse PLEO-2026-000123 --reason 'booked for the wrong company'";
