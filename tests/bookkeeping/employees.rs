//! What employees are owed, what they owe, and how it is settled.

use pleo_export::model::document::Purpose;

use crate::bookkeeping::items::item;
use crate::bookkeeping::world::{check, world};

#[test]
fn employees_are_owed_what_they_paid() {
    check(&[
        (
            "out of pocket",
            item("out_of_pocket", "125.00").taxed("6800 Meals", "125.00", "100.00", "S25", "25.00"),
            &["journal: Dr 6800 100.00, Dr VatIn 25.00, Cr OwedToEmployees 125.00"],
        ),
        (
            "the contra account is a memo where the wallet does not move",
            item("out_of_pocket", "125.00")
                .contra("5830 Pleo DKK")
                .line("6800 Meals", "125.00"),
            &["journal: Dr 6800 125.00, Cr OwedToEmployees 125.00"],
        ),
        (
            "mileage",
            item("mileage", "379.00").line("6950 Mileage", "379.00"),
            &["journal: Dr 6950 379.00, Cr OwedToEmployees 379.00"],
        ),
        (
            "per diem",
            item("per_diem", "597.00").line("6960 Per diem", "597.00"),
            &["journal: Dr 6960 597.00, Cr OwedToEmployees 597.00"],
        ),
        (
            "a negative per diem is the mirror image",
            item("per_diem", "-100.00").line("6960 Per diem", "-100.00"),
            &["journal: Cr 6960 100.00, Dr OwedToEmployees 100.00"],
        ),
        (
            "out of pocket as a payable: the employee is the creditor and no vendor is needed",
            item("out_of_pocket", "125.00").method("accounts_payable").taxed(
                "6800 Meals",
                "125.00",
                "100.00",
                "S25",
                "25.00",
            ),
            &["employee bill: Dr 6800 100.00, Dr VatIn 25.00, Cr OwedToEmployees 125.00"],
        ),
        (
            "mileage as a payable",
            item("mileage", "379.00")
                .method("accounts_payable")
                .line("6950 Mileage", "379.00"),
            &["employee bill: Dr 6950 379.00, Cr OwedToEmployees 379.00"],
        ),
        (
            "per diem as a payable",
            item("per_diem", "597.00")
                .method("accounts_payable")
                .line("6960 Per diem", "597.00"),
            &["employee bill: Dr 6960 597.00, Cr OwedToEmployees 597.00"],
        ),
        (
            "a negative out of pocket payable is a credit note",
            item("out_of_pocket", "-125.00")
                .method("accounts_payable")
                .line("6800 Meals", "-125.00"),
            &["employee credit note: Cr 6800 125.00, Dr OwedToEmployees 125.00"],
        ),
        (
            "without a word from Pleo an employee's expense is a journal entry, also where the shop is a known vendor",
            item("out_of_pocket", "125.00")
                .supplier("Nordic Office", Some("V-100"))
                .line("6800 Meals", "125.00"),
            &["journal: Dr 6800 125.00, Cr OwedToEmployees 125.00"],
        ),
    ]);
}

#[test]
fn reimbursements_settle_what_is_owed() {
    check(&[
        (
            "from the wallet",
            item("direct_reimbursement", "125.00").line("6800 Ignored", "1.00"),
            &["journal: Dr OwedToEmployees 125.00, Cr Wallet 125.00"],
        ),
        (
            "from the wallet, said twice",
            item("direct_reimbursement", "125.00")
                .sub_type("reimbursement_to_employee")
                .contra("5830 Pleo DKK"),
            &["journal: Dr OwedToEmployees 125.00, Cr 5830 125.00"],
        ),
        (
            "a negative reimbursement is the mirror image",
            item("direct_reimbursement", "-125.00"),
            &["journal: Dr Wallet 125.00, Cr OwedToEmployees 125.00"],
        ),
        (
            "a reimbursement that bounced",
            item("direct_reimbursement", "125.00").sub_type("reimbursement_to_employee_refund"),
            &["journal: Dr Wallet 125.00, Cr OwedToEmployees 125.00"],
        ),
        (
            "a reimbursement that bounced, sent with a minus",
            item("direct_reimbursement", "-125.00").sub_type("reimbursement_to_employee_refund"),
            &["journal: Dr Wallet 125.00, Cr OwedToEmployees 125.00"],
        ),
        (
            "an employee pays the company back",
            item("direct_reimbursement", "60.00").sub_type("reimbursement_to_company"),
            &["journal: Dr Wallet 60.00, Cr OwedByEmployees 60.00"],
        ),
        (
            "an employee pays the company back, sent with a minus",
            item("direct_reimbursement", "-60.00").sub_type("reimbursement_to_company"),
            &["journal: Dr Wallet 60.00, Cr OwedByEmployees 60.00"],
        ),
        (
            "outside of Pleo",
            item("external_reimbursement", "125.00"),
            &["journal: Dr OwedToEmployees 125.00, Cr PaidOutside 125.00"],
        ),
        (
            "outside of Pleo, bounced",
            item("external_reimbursement", "125.00").sub_type("reimbursement_to_employee_refund"),
            &["journal: Dr PaidOutside 125.00, Cr OwedToEmployees 125.00"],
        ),
        (
            "outside of Pleo, to the company",
            item("external_reimbursement", "-60.00").sub_type("reimbursement_to_company"),
            &["journal: Dr PaidOutside 60.00, Cr OwedByEmployees 60.00"],
        ),
        (
            "as a payable: the payment of the employee's bill",
            item("direct_reimbursement", "125.00").method("accounts_payable"),
            &["employee payment: Dr OwedToEmployees 125.00, Cr Wallet 125.00"],
        ),
        (
            "as a payable, bounced",
            item("direct_reimbursement", "125.00")
                .method("accounts_payable")
                .sub_type("reimbursement_to_employee_refund"),
            &["employee payment: Dr Wallet 125.00, Cr OwedToEmployees 125.00"],
        ),
        (
            "as a payable, outside of Pleo",
            item("external_reimbursement", "125.00").method("accounts_payable"),
            &["employee payment: Dr OwedToEmployees 125.00, Cr PaidOutside 125.00"],
        ),
        (
            "what employees owe is never a bill",
            item("direct_reimbursement", "60.00")
                .method("accounts_payable")
                .sub_type("reimbursement_to_company"),
            &["journal: Dr Wallet 60.00, Cr OwedByEmployees 60.00"],
        ),
    ]);
}

#[test]
fn employees_owe_cash_and_private_spending() {
    check(&[
        (
            "cash withdrawal",
            item("atm_withdrawal", "500.00").line("6800 Ignored", "500.00"),
            &["journal: Dr OwedByEmployees 500.00, Cr Wallet 500.00"],
        ),
        (
            "cash withdrawal in foreign currency, from the contra account",
            item("atm_withdrawal", "500.00")
                .foreign("67.00 EUR")
                .contra("5830 Pleo DKK"),
            &["journal: Dr OwedByEmployees 500.00, Cr 5830 500.00"],
        ),
        (
            "personal spend, also under accounts payable",
            item("personal_spend", "80.00").payable(),
            &["journal: Dr OwedByEmployees 80.00, Cr Wallet 80.00"],
        ),
        (
            "a negative personal spend is the mirror image",
            item("personal_spend", "-80.00"),
            &["journal: Dr Wallet 80.00, Cr OwedByEmployees 80.00"],
        ),
        (
            "personal spend paid back",
            item("personal_spend", "80.00").sub_type("reimbursement_to_company"),
            &["journal: Dr Wallet 80.00, Cr OwedByEmployees 80.00"],
        ),
        (
            "cash paid back",
            item("atm_withdrawal", "-80.00").sub_type("reimbursement_to_company"),
            &["journal: Dr Wallet 80.00, Cr OwedByEmployees 80.00"],
        ),
    ]);
}

#[test]
fn postings_on_employee_accounts_carry_the_employee_code_and_no_others_do() {
    for word in [
        "out_of_pocket",
        "direct_reimbursement",
        "atm_withdrawal",
        "card_purchase",
    ] {
        let planned = world()
            .plan(&item(word, "10.00").line("6800 Meals", "10.00"))
            .unwrap();
        for posting in &planned.documents[0].postings {
            let expected = (posting.purpose == Purpose::Employee).then_some("E7");
            assert_eq!(posting.employee_code.as_deref(), expected, "{word}");
        }
    }
}
