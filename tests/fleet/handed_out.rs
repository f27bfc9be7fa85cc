//! What is handed out for Kubernetes can be read as it will lie there: links into a folder that changes at one go, secrets that a
//! group may read.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use crate::cluster::Cluster;
use crate::world::Fleet;

/// The texts that a manifest hands out as files.
fn files_of(manifest: &str) -> BTreeMap<String, String> {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    let mut name = None;
    for line in manifest.lines() {
        if let Some(file) = line.trim().strip_suffix(".toml: |") {
            name = Some(format!("{file}.toml"));
        } else if let (Some(name), Some(text)) = (&name, line.strip_prefix("    ")) {
            let file = files.entry(name.clone()).or_default();
            file.push_str(text);
            file.push('\n');
        } else {
            name = None;
        }
    }
    files
}

/// A folder as Kubernetes mounts it.
fn mount(folder: &Path, files: &[(&str, &str)]) {
    let version = folder.join("..2026_11_26");
    fs::create_dir_all(&version).unwrap();
    symlink("..2026_11_26", folder.join("..data")).unwrap();
    for (name, text) in files {
        fs::write(version.join(name), text).unwrap();
        fs::set_permissions(version.join(name), fs::Permissions::from_mode(0o440)).unwrap();
        symlink(Path::new("..data").join(name), folder.join(name)).unwrap();
    }
}

#[test]
fn settings_for_kubernetes_are_read_as_they_are_mounted() {
    let Some(cluster) = Cluster::start() else { return };
    let fleet = Fleet::on(&cluster, 1);
    let manifest = include_str!("../../examples/kubernetes/fleet.yaml");
    let files = files_of(manifest);
    assert_eq!(files.keys().collect::<Vec<_>>(), ["acme.toml", "fleet.toml"]);
    let root = fleet.path("mounted");
    let here = |name: &str| files[name].replace("/etc/pleo-export", root.to_str().unwrap());
    let pleo = format!("[pleo]\nbase_url = {:?}\n", fleet.sandbox.url());
    let (_, database) = fleet.url.rsplit_once('/').unwrap();
    let url = format!(
        "postgresql://postgres@localhost:{}/{database}?sslmode=verify-full\n",
        cluster.port()
    );
    let ca = fs::read_to_string(cluster.path("ca.crt")).unwrap();
    mount(&root.join("fleet"), &[("fleet.toml", &here("fleet.toml"))]);
    mount(
        &root.join("companies"),
        &[("acme.toml", &here("acme.toml").replace("[pleo]\n", &pleo))],
    );
    mount(&root.join("database"), &[("url", &url)]);
    mount(&root.join("authority"), &[("ca.crt", &ca)]);
    let keys = [
        ("acme-pleo-key", fleet.sandbox.api_key()),
        ("acme-odoo-key", "key"),
    ];
    mount(&root.join("credentials"), &keys);
    let host = fleet.host("pod");
    let file = host.state.join("fleet.toml");
    fs::remove_file(&file).unwrap();
    symlink(root.join("fleet/fleet.toml"), &file).unwrap();
    host.run(&["fleet", "status"]).exits(0);
    let companies = root.join("companies");
    // No job waits, so no Odoo is asked.
    let mut worker = host.command(&["poll", "--json", "--companies"]);
    let run = crate::world::run(worker.arg(&companies)).exits(0);
    assert_eq!(run.json()["companies"][0]["exit_code"], 0, "{run}");
}
