//! From page to page, with guards: a list that never ends or turns in a circle is an error, never a guess.

use std::collections::HashSet;

use thiserror::Error;

use super::wire::Page;

/// How many items we ask for at a time. Pleo may give fewer.
pub(super) const PAGE_SIZE: u32 = 100;

/// More pages than any job has.
const MOST_PAGES: u32 = 10_000;

/// A filtered page may be empty, but not one after the other.
const MOST_EMPTY_PAGES: u32 = 3;

/// Why the pages cannot be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum PagingError {
    #[error("`pagination.hasNextPage` is true, but there is no `endCursor` to go on from")]
    NoCursor,
    #[error("`pagination.endCursor` came a second time, so the pages turn in a circle")]
    Circle,
    #[error("{MOST_EMPTY_PAGES} pages in a row were empty and announced another one")]
    Empty,
    #[error("the list has more than {MOST_PAGES} pages")]
    Endless,
}

/// The way through one list.
#[derive(Debug, Default)]
pub(super) struct Pager {
    seen: HashSet<String>,
    pages: u32,
    empty_pages: u32,
}

impl Pager {
    /// The cursor of the page after this one; `None` after the last.
    pub(super) fn next(&mut self, page: &Page<'_>) -> Result<Option<String>, PagingError> {
        self.after(page.elements.is_empty(), page.has_next, page.end_cursor.clone())
    }

    /// The same for a page of which only this is known.
    pub(super) fn after(
        &mut self,
        is_empty: bool,
        has_next: bool,
        end_cursor: Option<String>,
    ) -> Result<Option<String>, PagingError> {
        if !has_next {
            return Ok(None);
        }
        let cursor = end_cursor.ok_or(PagingError::NoCursor)?;
        if !self.seen.insert(cursor.clone()) {
            return Err(PagingError::Circle);
        }
        self.pages += 1;
        self.empty_pages = if is_empty { self.empty_pages + 1 } else { 0 };
        if self.empty_pages >= MOST_EMPTY_PAGES {
            return Err(PagingError::Empty);
        }
        if self.pages >= MOST_PAGES {
            return Err(PagingError::Endless);
        }
        Ok(Some(cursor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(elements: &str, pagination: &str) -> String {
        format!(r#"{{"data":{elements},"pagination":{pagination}}}"#)
    }

    #[track_caller]
    fn next(pager: &mut Pager, text: &str) -> Result<Option<String>, PagingError> {
        pager.next(&Page::read(text).unwrap())
    }

    #[test]
    fn follows_the_cursors_to_the_end() {
        let mut pager = Pager::default();
        let first = page("[1]", r#"{"hasNextPage":true,"endCursor":"A"}"#);
        let last = page("[2]", r#"{"hasNextPage":false,"endCursor":"A"}"#);
        assert_eq!(next(&mut pager, &first), Ok(Some("A".into())));
        assert_eq!(next(&mut pager, &last), Ok(None));
    }

    #[test]
    fn never_turns_in_a_circle() {
        let mut pager = Pager::default();
        for (cursor, expected) in [
            ("A", Ok(Some("A".into()))),
            ("B", Ok(Some("B".into()))),
            ("A", Err(PagingError::Circle)),
        ] {
            let text = page(
                "[1]",
                &format!(r#"{{"hasNextPage":true,"endCursor":"{cursor}"}}"#),
            );
            assert_eq!(next(&mut pager, &text), expected);
        }
    }

    #[test]
    fn never_guesses_a_cursor() {
        for pagination in [
            r#"{"hasNextPage":true}"#,
            r#"{"hasNextPage":true,"endCursor":null}"#,
            r#"{"hasNextPage":true,"endCursor":""}"#,
        ] {
            let mut pager = Pager::default();
            assert_eq!(
                next(&mut pager, &page("[1]", pagination)),
                Err(PagingError::NoCursor)
            );
        }
    }

    #[test]
    fn never_goes_on_for_ever() {
        let walk = |elements: &str| {
            let mut pager = Pager::default();
            for number in 1_u32.. {
                let text = page(
                    elements,
                    &format!(r#"{{"hasNextPage":true,"endCursor":"{number}"}}"#),
                );
                if let Err(error) = next(&mut pager, &text) {
                    return (number, error);
                }
            }
            unreachable!()
        };
        assert_eq!(walk("[]"), (MOST_EMPTY_PAGES, PagingError::Empty));
        assert_eq!(walk("[1]"), (MOST_PAGES, PagingError::Endless));
    }

    #[test]
    fn empty_pages_between_full_ones_end_nothing() {
        let mut pager = Pager::default();
        for number in 0..10 * MOST_EMPTY_PAGES {
            let elements = if number % 2 == 0 { "[]" } else { "[1]" };
            let pagination = format!(r#"{{"hasNextPage":true,"endCursor":"{number}"}}"#);
            assert_eq!(
                next(&mut pager, &page(elements, &pagination)),
                Ok(Some(number.to_string()))
            );
        }
    }
}
