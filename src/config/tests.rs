//! What we show to integrators is read by the program without a complaint.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::{Config, Sources, SystemSettings};

fn load(toml: &str) -> Config {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("pleo-export.toml"), toml).unwrap();
    let environment = [
        ("PLEO_API_KEY", "key"),
        ("PLEO_COMPANY_ID", "2b1f7c1e-6a0d-4c3e-9f57-0c8f0a4f7d11"),
        ("ODOO_API_KEY", "key"),
        ("HOME", "/nonexistent"),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.into()));
    let sources = Sources {
        working_folder: folder.path().to_owned(),
        environment: BTreeMap::from(environment),
        config_flag: None,
        is_one_of_several: false,
        is_of_fleet: false,
        fleet_file: None,
    };
    let config = Config::load(&sources).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(config.warnings, Vec::<String>::new());
    let computes_tax = matches!(config.system, SystemSettings::Odoo(_));
    assert_eq!(config.bookkeeping.unset_roles(computes_tax), []);
    config
}

fn file(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

#[test]
fn the_examples_are_whole() {
    let beancount = load(&file("examples/pleo-export.toml"));
    assert!(matches!(beancount.system, SystemSettings::Beancount(_)));
    let odoo = load(&file("examples/odoo.toml"));
    assert!(matches!(odoo.system, SystemSettings::Odoo(_)));
}

#[test]
fn the_settings_in_readme_serve_each_system() {
    let readme = file("README.md");
    let block = |block: &&str| block.contains("[accounting]");
    let toml = readme
        .split("```toml")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap());
    let toml = toml.into_iter().find(block).unwrap();
    for system in ["beancount", "odoo", "command"] {
        let chosen = toml.replace("system = \"beancount\"", &format!("system = \"{system}\""));
        assert!(chosen.contains(&format!("system = \"{system}\"")));
        load(&chosen);
    }
}
