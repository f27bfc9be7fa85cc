//! Job ids as people type them: whole, or their first characters where these are unique.

use crate::export::report::{Problem, ProblemKind};
use crate::model::ids::JobId;

/// The fewest characters that stand for an id.
pub(super) const SHORTEST: usize = 8;

/// Where ids are found.
pub(super) const LISTED: &str =
    "`pleo-export status` lists the jobs that are known here; Pleo shows the id of each export";

/// A job that a person means.
pub(super) enum Wanted {
    /// By its whole id.
    Whole(JobId),
    /// By the head of it.
    Head(String),
}

impl Wanted {
    /// Reads what was typed.
    pub(super) fn read(text: &str) -> Result<Self, Problem> {
        let text = text.trim();
        let is_head = (SHORTEST..36).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        match text.parse() {
            Ok(id) => Ok(Self::Whole(id)),
            Err(_) if is_head => Ok(Self::Head(text.to_ascii_lowercase())),
            Err(error) => Err(Problem {
                kind: ProblemKind::Usage,
                message: format!("the job id {error}, nor the first {SHORTEST} characters or more of one"),
                hint: LISTED.into(),
            }),
        }
    }

    /// The one job that is meant; the candidates are asked for only where the id is not whole.
    pub(super) fn among(
        self,
        candidates: impl FnOnce() -> Result<Vec<JobId>, Problem>,
    ) -> Result<JobId, Problem> {
        let head = match self {
            Self::Whole(id) => return Ok(id),
            Self::Head(head) => head,
        };
        let mut meant = candidates()?;
        meant.retain(|id| id.as_str().starts_with(&head));
        meant.sort();
        meant.dedup();
        let problem = |kind, message| Problem {
            kind,
            message,
            hint: "`pleo-export status --all` lists the jobs that are known here".into(),
        };
        match meant.as_slice() {
            [only] => Ok(only.clone()),
            [] => Err(problem(
                ProblemKind::UnknownJob,
                format!("no job that is known here or open in Pleo has an id that begins with {head}"),
            )),
            [first, second, ..] => Err(problem(
                ProblemKind::Usage,
                format!(
                    "{head} begins the ids of {} jobs: {first}, {second} …: type more of it",
                    meant.len()
                ),
            )),
        }
    }
}

/// How many characters tell each of these ids from the others.
pub(super) fn shortest_unique<'a>(ids: impl Iterator<Item = &'a JobId>) -> usize {
    let mut ids: Vec<&str> = ids.map(JobId::as_str).collect();
    ids.sort_unstable();
    ids.dedup();
    let shared = |pair: &[&str]| match pair {
        [a, b] => a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count(),
        _ => 0,
    };
    let longest = ids.windows(2).map(shared).max();
    longest.map_or(SHORTEST, |shared| SHORTEST.max(shared + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_an_id_stands_for_it_where_it_is_unique() {
        let ids = ["2b1f7c1e-aaaa", "2b1f7c1e-abbb", "7e57c0de-0000"].map(JobId::new);
        let pick = |text: &str| Wanted::read(text).and_then(|wanted| wanted.among(|| Ok(ids.to_vec())));
        assert_eq!(pick("7E57C0DE").unwrap(), ids[2]);
        assert_eq!(pick("2b1f7c1e-ab").unwrap(), ids[1]);
        assert!(pick("2b1f7c1e").unwrap_err().message.contains("2 jobs"));
        assert_eq!(pick("deadbeef").unwrap_err().kind, ProblemKind::UnknownJob);
        assert_eq!(pick("7e57c0d").unwrap_err().kind, ProblemKind::Usage, "too short");
        assert_eq!(shortest_unique(ids.iter()), 11);
        assert_eq!(shortest_unique(ids.iter().skip(1)), SHORTEST);
    }
}
