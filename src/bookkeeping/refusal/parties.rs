//! Vendors and their invoices.

use super::{LONGEST_WORD, Refusal, quoted};
use crate::host::foreign_text::one_line;
use crate::model::verdict::ItemFailureType;

impl Refusal {
    /// `document` is what was to be booked: "A vendor bill".
    pub(in crate::bookkeeping) fn no_vendor(document: &str) -> Self {
        Self::new(
            ItemFailureType::VendorUnknown,
            format!(
                "{document} needs a vendor and none with a code, an identifier or a tax number is given: tag a vendor in Pleo, then export again."
            ),
            "no vendor is given",
        )
    }

    /// The vendor is tagged, and nothing but its name is known.
    pub(in crate::bookkeeping) fn vendor_without_reference(document: &str, name: Option<&str>) -> Self {
        let name = name.map_or_else(
            || "that is tagged".to_owned(),
            |name| one_line(name, LONGEST_WORD),
        );
        Self::new(
            ItemFailureType::VendorUnknown,
            format!(
                "{document} needs a vendor with a code, an identifier or a tax number: give the vendor {name} a code in Pleo, then export again."
            ),
            format!("vendor {name} has neither a code nor an identifier nor a tax number"),
        )
    }

    pub(in crate::bookkeeping) fn vendor_unknown(label: &str) -> Self {
        Self::new(
            ItemFailureType::VendorUnknown,
            format!(
                "Vendor {label} is not in the accounting system, or is blocked there: add it, or tag another vendor in Pleo, then export again."
            ),
            format!("vendor {label} is not in the accounting system"),
        )
    }

    /// For systems without a register of vendors. `code` is the supplier's.
    pub(in crate::bookkeeping) fn supplier_is_no_vendor(
        document: &str,
        label: &str,
        code: Option<&str>,
    ) -> Self {
        // A line to paste holds the whole code, or is not there.
        let code = code.filter(|code| one_line(code, LONGEST_WORD) == **code);
        let way_out = code.map_or_else(String::new, |code| {
            let code = code.replace('\\', "\\\\").replace('"', "\\\"");
            format!(", or ask whoever runs the export to set [vendors] codes = [\"{code}\"]")
        });
        Self::new(
            ItemFailureType::VendorUnknown,
            format!(
                "{document} needs a vendor, and the supplier {label} is not one in these books: tag a vendor in Pleo{way_out}, then export again."
            ),
            format!("the supplier {label} is not a vendor of the books"),
        )
    }

    pub(in crate::bookkeeping) fn no_invoice_number() -> Self {
        Self::invalid(
            "The invoice has no number: enter it in Pleo, then export again.".to_owned(),
            "an invoice has no number",
        )
    }

    pub(in crate::bookkeeping) fn duplicate_invoice(number: &str, vendor: &str, other: &str) -> Self {
        let number = quoted(number);
        Self::invalid(
            format!(
                "Invoice {number} of {vendor} is already there {other}: check whether it was sent twice; if both are right, book this one by hand, or ask whoever runs the export to set bookkeeping.duplicate_invoices to \"warn\", then export again."
            ),
            "an invoice of the same vendor and number is already there",
        )
    }
}
