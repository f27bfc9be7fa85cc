//! What a file says about taking entries back: mirrors, marks that mean nothing, lines of the first version.

use std::path::Path;
use std::sync::Arc;

use crate::host::foreign_text::one_line;

use super::super::movements::Movements;
use super::super::number::Number;
use super::super::reader::{Directive, Posting};
use super::super::text;
use super::super::vocabulary::key;
use super::Index;
use super::entries::{Mirror, Other, Place, Retired};

impl Index {
    /// A transaction that is no document of ours may take one back, by its mark or by the link of the entry.
    pub(super) fn add_other(
        &mut self,
        directive: &Directive<'_>,
        postings: &[Posting<'_>],
        file: &Arc<Path>,
    ) {
        let number = |key| directive.metadata.get(key)?.parse::<Number>().ok();
        let (reverses, own) = (number(key::REVERSES), number(key::NUMBER));
        if reverses.is_none()
            && let Some(odd) = directive.metadata.get(key::REVERSES)
        {
            let why = format!(
                "`{}: \"{}\"` is no number, so it takes nothing back: correct it",
                key::REVERSES,
                one_line(&odd, 40)
            );
            self.note_odd_mark(directive, file, why);
        }
        let links = directive.links.iter();
        let links: Vec<Box<str>> = links
            .filter(|link| link.starts_with(text::ENTRY_LINK))
            .map(|link| Box::from(*link))
            .collect();
        if links.is_empty() && reverses.is_none() {
            return;
        }
        let movements = Movements::of(postings);
        let place = Place {
            file: Arc::clone(file),
            line: directive.line,
        };
        for link in &links {
            self.others.entry(link.clone()).or_default().push(Other {
                movements: movements.clone(),
                reverses,
                place: place.clone(),
            });
        }
        let Some(reverses) = reverses else { return };
        // Whoever writes a mirror by hand may have copied the number of the document with the rest.
        let own = own.filter(|own| *own != reverses);
        if let Some(own) = own {
            self.find_number(own);
            self.mirror_numbers.entry(own).or_insert(reverses);
        }
        self.mirrors.entry(reverses).or_default().push(Mirror {
            movements,
            number: own,
            links: links.into(),
            place,
        });
    }

    pub(super) fn note_odd_mark(&mut self, directive: &Directive<'_>, file: &Arc<Path>, why: String) {
        let place = Place {
            file: Arc::clone(file),
            line: directive.line,
        };
        self.odd_marks.push((place, why));
    }
}

/// The lines of a file that say `pleo-reversed: TRUE`, or advise it as the first version's ledgers did.
pub(super) fn retired_lines(text: &str) -> Vec<Retired> {
    if memchr::memmem::find(text.as_bytes(), key::REVERSED.as_bytes()).is_none() {
        return Vec::new();
    }
    let retired = |(number, line): (u32, &str)| {
        let line = line.trim_start();
        let advice = line.strip_prefix(';');
        let is_advice = advice.is_some_and(|comment| comment.contains(key::REVERSED));
        let value = line
            .strip_prefix(key::REVERSED)
            .and_then(|rest| rest.strip_prefix(':'));
        let says_so = value.is_some_and(|value| value.trim_start().starts_with("TRUE"));
        (is_advice || says_so).then_some(Retired {
            line: number,
            is_advice,
        })
    };
    (1_u32..).zip(text.lines()).filter_map(retired).collect()
}
