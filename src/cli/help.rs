//! What `--help` says beyond the flags: variables and examples; and which version this is.

use std::sync::LazyLock;

/// The version, with the commit where the build was told it: `PLEO_EXPORT_COMMIT=$(git rev-parse --short HEAD) cargo build`.
pub(super) static VERSION: LazyLock<String> = LazyLock::new(|| match option_env!("PLEO_EXPORT_COMMIT") {
    Some(commit) if !commit.is_empty() => format!("{} ({commit})", env!("CARGO_PKG_VERSION")),
    _ => env!("CARGO_PKG_VERSION").to_owned(),
});

/// The variables, for the help of every command that reads settings.
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
