//! Which items touch one invoice, so that they are booked one after the other.

use std::collections::HashMap;

use crate::bookkeeping::JobView;
use crate::model::references::InvoiceKey;

/// The group of each item, `None` for those that belong to no invoice. Two items are in one group when they name the
/// same invoice, or are led to it by others between them: one names its vendor by number, the next by number and tax
/// number, the third by tax number alone.
pub(super) fn groups<'a>(
    view: &JobView,
    keys: impl Iterator<Item = Option<&'a InvoiceKey>>,
) -> Vec<Option<usize>> {
    let keys: Vec<Option<&InvoiceKey>> = keys.collect();
    let alone = keys.iter().enumerate().map(|(at, key)| key.map(|_| at));
    let mut groups: Vec<Option<usize>> = alone.collect();
    let mut of_number: HashMap<&str, Vec<(usize, &InvoiceKey)>> = HashMap::new();
    for (at, key) in keys.iter().enumerate() {
        let Some(key) = key else { continue };
        let same_number = of_number.entry(key.number.compared()).or_default();
        for (earlier, other) in same_number.iter() {
            let (own, joined) = (groups.get(at).copied(), groups.get(*earlier).copied());
            // Most are joined already: the items of one invoice are compared with the first of them alone.
            if own != joined && view.is_same_invoice(key, other) {
                // Whatever was in this item's group so far is in that one's now.
                for group in groups.iter_mut().filter(|group| Some(**group) == own) {
                    *group = joined.flatten();
                }
            }
        }
        same_number.push((at, key));
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bookkeeping::SystemTraits;
    use crate::model::references::{InvoiceNumber, Resolution, VendorKey};

    fn key(code: &str, tax_number: &str, number: &str) -> InvoiceKey {
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        InvoiceKey {
            vendor: VendorKey {
                code: given(code),
                external_id: None,
                tax_number: given(tax_number),
            },
            number: InvoiceNumber::new(number).unwrap(),
        }
    }

    #[test]
    fn items_are_joined_by_way_of_others_in_any_order() {
        let system = SystemTraits {
            payables: true,
            computes_tax: false,
            keeps_vendors: false,
        };
        let view = JobView::new(Resolution::default(), "2026-11-22".parse().unwrap(), system);
        let keys = [
            key("V1", "", "A-1"),
            key("", "DK12345678", "a1"),
            key("V2", "", "A-1"),
            key("V1", "DK12345678", "A1"),
            key("V1", "", "A-2"),
        ];
        let groups = groups(&view, keys.iter().map(Some).chain([None]));
        assert!(groups[0].is_some());
        assert_eq!(groups[1], groups[0], "joined by the fourth");
        assert_eq!(groups[3], groups[0]);
        assert_ne!(groups[2], groups[0], "another vendor");
        assert_ne!(groups[4], groups[0], "another number");
        assert_eq!(groups[5], None);
    }

    #[test]
    fn many_items_of_one_invoice_are_grouped_at_once() {
        let system = SystemTraits {
            payables: true,
            computes_tax: false,
            keeps_vendors: false,
        };
        let view = JobView::new(Resolution::default(), "2026-11-22".parse().unwrap(), system);
        let keys = vec![key("V1", "DK12345678", "A-1"); 4_000];
        let started = std::time::Instant::now();
        let groups = groups(&view, keys.iter().map(Some));
        assert!(groups.iter().all(|group| *group == groups[0]));
        // With the cube of the number it would be hours.
        assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
    }
}
