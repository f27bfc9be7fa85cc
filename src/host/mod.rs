//! The machine we run on, each thing in one place: the clock, the stop signal, how HTTP is spoken and tried again,
//! files that survive a power cut, what others may read of the process, and the points at which tests kill it.

pub mod clock;
pub mod digest;
pub mod files;
pub mod http;
pub mod kill;
pub mod privacy;
pub mod retry;
pub mod server_url;
pub mod stop;
