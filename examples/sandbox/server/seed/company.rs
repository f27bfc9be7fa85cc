//! A small company in Copenhagen with wallets in three currencies: its accounts, taxes, tags, people and suppliers.

/// A general ledger account: code and name.
pub type Account = (&'static str, &'static str);

/// Accounts to which spending is allocated.
pub const ACCOUNTS: [Account; 11] = [
    ("6800", "Meals and entertainment"),
    ("6810", "Travel and lodging"),
    ("6820", "Software subscriptions"),
    ("6830", "Office supplies"),
    ("6840", "Advertising"),
    ("6850", "Professional fees"),
    ("6860", "Mileage allowance"),
    ("6870", "Daily allowance"),
    ("6880", "Bank fees"),
    ("6885", "Interest"),
    ("3950", "Cashback"),
];

/// The contra account of each wallet, by its currency.
pub const CONTRA_ACCOUNTS: [(&str, Account); 3] = [
    ("DKK", ("5820", "Pleo DKK wallet")),
    ("EUR", ("5821", "Pleo EUR wallet")),
    ("GBP", ("5822", "Pleo GBP wallet")),
];

/// A tax code as Pleo holds it.
#[derive(Clone, Copy, Debug)]
pub struct Tax {
    /// Its code.
    pub code: &'static str,
    /// Its rate as the payload writes it.
    pub rate: f64,
    /// Its rate in hundredths of a percent, to count with.
    pub basis_points: i64,
    /// `inclusive`, `exclusive` or `reverse`.
    pub kind: &'static str,
    /// Account of tax that is reclaimed.
    pub ingoing: Option<&'static str>,
    /// Account of tax that is owed.
    pub outgoing: Option<&'static str>,
}

/// Every tax code of the company.
pub const TAXES: [Tax; 6] = [
    Tax {
        code: "S25",
        rate: 0.25,
        basis_points: 2500,
        kind: "inclusive",
        ingoing: Some("1510"),
        outgoing: None,
    },
    Tax {
        code: "S12",
        rate: 0.12,
        basis_points: 1200,
        kind: "inclusive",
        ingoing: Some("1510"),
        outgoing: None,
    },
    Tax {
        code: "GB20",
        rate: 0.2,
        basis_points: 2000,
        kind: "inclusive",
        ingoing: Some("1511"),
        outgoing: None,
    },
    Tax {
        code: "X25",
        rate: 0.25,
        basis_points: 2500,
        kind: "exclusive",
        ingoing: Some("1510"),
        outgoing: None,
    },
    Tax {
        code: "RC25",
        rate: 0.25,
        basis_points: 2500,
        kind: "reverse",
        ingoing: Some("1512"),
        outgoing: Some("2612"),
    },
    Tax {
        code: "Z0",
        rate: 0.0,
        basis_points: 0,
        kind: "inclusive",
        ingoing: None,
        outgoing: None,
    },
];

/// Tags: code of the group and of the tag.
pub const TAGS: [(&str, &str); 4] = [
    ("DEPT", "SALES"),
    ("DEPT", "ENG"),
    ("PROJECT", "P-100"),
    ("PROJECT", "P-200"),
];

/// Teams: name and code.
pub const TEAMS: [(&str, &str); 3] = [("Sales", "T10"), ("Engineering", "T20"), ("Økonomi", "T30")];

/// People: name and employee code.
pub const USERS: [(&str, &str); 4] = [
    ("Freja Sørensen", "E001"),
    ("Łukasz Żak", "E002"),
    ("Maeve O'Brien", "E003"),
    ("Jürgen Groß", "E004"),
];

/// A merchant, who may also be a vendor in the accounting system.
#[derive(Clone, Copy, Debug)]
pub struct Supplier {
    /// Name on the statement.
    pub name: &'static str,
    /// Country of business.
    pub country: &'static str,
    /// Currency of business.
    pub currency: &'static str,
    /// Tax id in that country.
    pub tax_id: &'static str,
    /// Code in the accounting system.
    pub code: &'static str,
    /// Merchant category.
    pub category: &'static str,
}

/// Every supplier, the domestic ones first.
pub const SUPPLIERS: [Supplier; 7] = [
    supplier(
        "Kaffebaren Nørrebro ApS",
        "DK",
        "DKK",
        "DK31234567",
        "V100",
        "5812",
    ),
    supplier("Nordlys Kontor A/S", "DK", "DKK", "DK29876543", "V101", "5943"),
    supplier(
        "Tog & Færge \"Øresund\"",
        "DK",
        "DKK",
        "DK18273645",
        "V102",
        "4112",
    ),
    supplier(
        "Hotel Zur Brücke GmbH",
        "DE",
        "EUR",
        "DE811569869",
        "V200",
        "7011",
    ),
    supplier("Byteworks (Cloud) Ltd", "IE", "EUR", "IE6388047V", "V201", "7372"),
    supplier(
        "Stationery & Sons Ltd",
        "GB",
        "GBP",
        "GB123456789",
        "V300",
        "5943",
    ),
    supplier(
        "Smörgås och Bröd AB",
        "SE",
        "SEK",
        "SE556677889901",
        "V400",
        "5812",
    ),
];

const fn supplier(
    name: &'static str,
    country: &'static str,
    currency: &'static str,
    tax_id: &'static str,
    code: &'static str,
    category: &'static str,
) -> Supplier {
    Supplier {
        name,
        country,
        currency,
        tax_id,
        code,
        category,
    }
}
