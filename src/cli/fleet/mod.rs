//! A fleet: the worker that serves companies by turns, and what people ask about all of them.

#[cfg(feature = "fleet")]
mod commands;
#[cfg(feature = "fleet")]
mod problems;
#[cfg(feature = "fleet")]
mod status;
#[cfg(feature = "fleet")]
mod worker;

#[cfg(feature = "fleet")]
pub(super) use commands::obey;
#[cfg(feature = "fleet")]
pub(super) use status::status;
#[cfg(feature = "fleet")]
pub(super) use worker::work;

#[cfg(not(feature = "fleet"))]
pub(super) use without::{obey, status, work};

/// A program that was built without the feature says how to have it.
#[cfg(not(feature = "fleet"))]
mod without {
    use std::path::Path;
    use std::time::Duration;

    use crate::cli::answer::{Form, answer};
    use crate::cli::args::FleetCommand;
    use crate::cli::exit::Exit;
    use crate::cli::poll::Wish;
    use crate::cli::render::Answer;
    use crate::config::Sources;
    use crate::config::fleet::WITHOUT;
    use crate::export::report::{Problem, ProblemKind};

    pub(in crate::cli) fn work(_sources: &Sources, _folder: &Path, _wish: Wish<'_>, form: Form) -> Exit {
        refuse(form)
    }

    pub(in crate::cli) fn status(_sources: &Sources, _max_age: Option<Duration>, form: Form) -> Exit {
        refuse(form)
    }

    pub(in crate::cli) fn obey(_sources: &Sources, _command: &FleetCommand, form: Form) -> Exit {
        refuse(form)
    }

    fn refuse(form: Form) -> Exit {
        let problem = Problem {
            kind: ProblemKind::Configuration,
            message: "there are no fleets in this build".into(),
            hint: WITHOUT.into(),
        };
        answer(&Answer::of_problem(problem), form)
    }
}
