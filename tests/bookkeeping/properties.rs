//! What holds for every item, hand-worked or not.

use pleo_export::bookkeeping::{content_hash, plan, references};
use pleo_export::model::document::{PlannedItem, Purpose};
use pleo_export::model::export_item::{ItemType, SubType, TaxType};
use pleo_export::model::ids::JobId;
use pleo_export::model::money::Amount;
use proptest::prelude::*;

use crate::bookkeeping::items::{Item, item};
use crate::bookkeeping::world::{World, world};

fn sum(planned: &PlannedItem, purpose: impl Fn(Purpose) -> bool) -> Amount {
    let postings = planned.documents.iter().flat_map(|document| &document.postings);
    postings
        .filter(|posting| purpose(posting.purpose))
        .map(|posting| posting.amount)
        .sum()
}

/// A line's account, gross amount, tax rate in per cent and how its figures are written.
type Split = (usize, i64, i64, usize);

const ACCOUNTS: [&str; 3] = ["6800 Meals", "6900 Travel", "4711 Other"];
const CODES: [&str; 3] = ["S25", "HALF", "NONE"];

/// Writes a line as Pleo may: gross and net, net and gross, or under reverse charge.
fn with_line(item: Item, (account, gross, rate, form): Split) -> Item {
    let tax = gross * rate / (100 + rate);
    let text = |hundredths: i64| Amount::hundredths(hundredths).to_string();
    let (account, code) = (ACCOUNTS[account % 3], CODES[account % 3]);
    match form {
        0 => item.taxed(account, &text(gross), &text(gross - tax), code, &text(tax)),
        1 => item.taxed(account, &text(gross - tax), &text(gross), code, &text(tax)),
        2 => item.reverse(account, &text(gross), &text(gross), &text(tax)),
        _ => item.line(account, &text(gross)),
    }
}

pub(crate) fn items() -> impl Strategy<Value = (Item, Vec<Split>)> {
    let split = (0..3_usize, -1_000_000..1_000_000_i64, 0..30_i64, 0..4_usize);
    let types = prop::sample::select(ItemType::ALL.to_vec());
    let sub_types = prop::option::weighted(0.3, prop::sample::select(SubType::ALL.to_vec()));
    let methods = prop::sample::select(vec!["", "journal", "none", "accounts_payable"]);
    (types, sub_types, methods, prop::collection::vec(split, 1..8)).prop_map(
        |(item_type, sub_type, method, splits)| {
            let total = Amount::hundredths(splits.iter().map(|(_, gross, ..)| gross).sum());
            let mut built = item(item_type.as_str(), &total.to_string()).vendor("V-100");
            built.0.sub_type = sub_type;
            if !method.is_empty() {
                built = built.method(method);
            }
            for split in &splits {
                built = with_line(built, *split);
            }
            (built, splits)
        },
    )
}

fn moves_the_wallet(item: &Item) -> bool {
    let item_type = &item.0.item_type;
    let stays = [
        ItemType::OutOfPocket,
        ItemType::Mileage,
        ItemType::PerDiem,
        ItemType::ExternalReimbursement,
        ItemType::Invoice,
    ];
    !stays.contains(item_type)
}

fn posts_lines(item: &Item) -> bool {
    let item_type = &item.0.item_type;
    let bare = [
        ItemType::DirectReimbursement,
        ItemType::ExternalReimbursement,
        ItemType::InvoicePayment,
        ItemType::AtmWithdrawal,
        ItemType::PersonalSpend,
        ItemType::WalletTopup,
        ItemType::WalletUnload,
    ];
    !bare.contains(item_type)
}

/// Plans an item; refusals are allowed only where the sub-type contradicts the type.
fn planned(world: &World, item: &Item) -> Option<PlannedItem> {
    match world.plan(item) {
        Ok(planned) => Some(planned),
        Err(refusal) => {
            assert!(
                item.0.sub_type.is_some() && refusal.reason.contains("sub-type"),
                "{}",
                refusal.reason
            );
            None
        }
    }
}

proptest! {
    #[test]
    fn every_document_balances_and_the_wallet_moves_by_the_amount((item, _) in items()) {
        let Some(planned) = planned(&world(), &item) else { return Ok(()) };
        for document in &planned.documents {
            let sum: Amount = document.postings.iter().map(|posting| posting.amount).sum();
            prop_assert_eq!(sum, Amount::ZERO);
        }
        let cash = sum(&planned, |purpose| purpose == Purpose::Cash);
        let expected = if moves_the_wallet(&item) { item.0.amount.amount.abs() } else { Amount::ZERO };
        prop_assert_eq!(cash.abs(), expected);
    }

    #[test]
    fn cost_and_tax_together_are_the_amount_and_no_tax_is_lost((item, splits) in items()) {
        let Some(planned) = planned(&world(), &item) else { return Ok(()) };
        let spent = sum(&planned, |purpose| {
            matches!(purpose, Purpose::Cost | Purpose::Tax | Purpose::ReverseTax)
        });
        if posts_lines(&item) {
            prop_assert_eq!(spent.abs(), item.0.amount.amount.abs());
            // The whole tax of each line stands on its cost posting, in one direction for all lines.
            let costs = planned.documents.iter().flat_map(|document| &document.postings);
            let taxes: Vec<i64> = costs
                .filter(|posting| posting.purpose == Purpose::Cost)
                .map(|posting| posting.tax.as_ref().map_or(0, |tax| tax.amount.in_hundredths()))
                .collect();
            let sent: Vec<i64> = splits
                .iter()
                .zip(&item.0.lines)
                .map(|((_, gross, rate, form), line)| {
                    // Reverse charge without an amount is computed from the rate, 25 % in these cases.
                    let is_computed = *form == 2 && line.tax.as_ref().is_some_and(|tax| tax.amount.is_zero());
                    let computed = (gross.abs() * 25 + 50) / 100 * gross.signum();
                    if *form == 3 { 0 } else if is_computed { computed } else { gross * rate / (100 + rate) }
                })
                .collect();
            let mirrored: Vec<i64> = sent.iter().map(|tax| -tax).collect();
            prop_assert!(taxes == sent || taxes == mirrored, "{taxes:?} is not {sent:?}");
        } else {
            prop_assert_eq!(spent, Amount::ZERO);
        }
    }

    #[test]
    fn the_order_of_lines_changes_no_account_total_and_no_hash((item, _) in items()) {
        let mut turned = item.clone();
        turned.0.lines.reverse();
        prop_assert_eq!(content_hash(&item.0), content_hash(&turned.0));
        let totals = |item: &Item| {
            let planned = planned(&world(), item)?;
            let mut totals = std::collections::BTreeMap::<String, i64>::new();
            for posting in planned.documents.iter().flat_map(|document| &document.postings) {
                *totals.entry(posting.account.reference.to_string()).or_default() += posting.amount.in_hundredths();
            }
            Some(totals)
        };
        prop_assert_eq!(totals(&item), totals(&turned));
    }

    #[test]
    fn money_back_is_the_same_with_either_sign((item, _) in items()) {
        let mut back = item;
        back.0.item_type = ItemType::Refund;
        back.0.sub_type = None;
        // A total of zero does not say which way round its lines are.
        prop_assume!(!back.0.amount.amount.is_zero());
        let mut negated = back.clone();
        negated.0.amount.amount = negated.0.amount.amount.negated();
        for line in &mut negated.0.lines {
            line.amount = line.amount.negated();
            line.net_amount = line.net_amount.negated();
            if let Some(tax) = &mut line.tax {
                tax.amount = tax.amount.negated();
            }
        }
        prop_assert_eq!(world().books(&back), world().books(&negated));
    }

    #[test]
    fn any_text_and_any_figure_is_planned_or_refused(
        text in ".*", other in ".{0,40}", figure in any::<i64>(), another in any::<i64>(), kind in 0..6_usize
    ) {
        let mut odd = item("card_purchase", "1.00").payable().invoice(&text).contra(&other).line(&text, "1.00");
        odd = odd.taxed(&other, "1.00", "1.00", &text, "1.00").tag(&other, &text).supplier(&text, Some(&other));
        odd.0.vendor.as_mut().unwrap().name.clone_from(&text);
        odd.0.note = Some(text.clone());
        odd.0.amount.amount = Amount::hundredths(figure);
        odd.0.lines[0].amount = Amount::hundredths(figure);
        odd.0.lines[0].net_amount = Amount::hundredths(another);
        odd.0.lines[1].tax.as_mut().unwrap().amount = Amount::hundredths(another);
        match kind {
            0 => odd.0.item_type = ItemType::from_wire(&text),
            1 => odd.0.sub_type = Some(SubType::from_wire(&text)),
            2 => odd = odd.method(&text),
            3 => odd.0.lines[1].tax.as_mut().unwrap().tax_type = TaxType::from_wire(&text),
            4 => odd.0.lines[1].tax.as_mut().unwrap().tax_type = TaxType::Reverse,
            _ => odd.0.item_type = ItemType::WalletUnload,
        }
        let world = world();
        let _ = references(&odd.0, &world.settings, &world.system);
        match plan(&odd.0.clone().into(), &JobId::new("job"), 1, &world.settings, &world.view(&odd)) {
            Err(refusal) => {
                prop_assert!(!refusal.reason.contains(char::is_control), "{:?}", refusal.reason);
                prop_assert!(!refusal.group.contains(char::is_control), "{:?}", refusal.group);
                prop_assert!(refusal.reason.ends_with('.'));
            }
            Ok(planned) => prop_assert!(!planned.description.contains(char::is_control)),
        }
    }
}
