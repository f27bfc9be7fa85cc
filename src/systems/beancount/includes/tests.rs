use super::super::real;
use super::*;

/// A tree of files, made for one test; names ending in `/` are folders, `a -> b` is a link.
fn tree(entries: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in entries {
        let (name, target) = entry.split_once(" -> ").unwrap_or((entry, ""));
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        if !target.is_empty() {
            std::os::unix::fs::symlink(target, path).unwrap();
        } else if name.ends_with('/') {
            fs::create_dir_all(path).unwrap();
        } else {
            fs::write(path, "").unwrap();
        }
    }
    folder
}

fn found(folder: &Path, pattern: &str) -> Vec<String> {
    let files = expand(folder, pattern).unwrap().files;
    let inside = |path: &PathBuf| path.strip_prefix(folder).unwrap_or(path).display().to_string();
    files.keys().map(inside).collect()
}

/// Each row was answered by Python 3.11, `glob.glob(pattern, recursive=True)`, folders left out.
#[test]
fn patterns_find_files_as_beancount_does() {
    let folder = tree(&[
        "a.beancount",
        "archive/2019.beancount",
        "archive/2020.beancount",
        "archive/2021.beancount",
        "archive/202x.beancount",
        "archive/20-1.beancount",
        "archive/[1].beancount",
        "archive/^.beancount",
        "p/b.beancount",
        "p/2026/c.beancount",
        "p/2026/.d.beancount",
        "p/.x/e.beancount",
        "p/f.txt",
    ]);
    let table: &[(&str, &[&str])] = &[
        ("a.beancount", &["a.beancount"]),
        ("a.beancount/", &[]),
        ("missing.beancount", &[]),
        ("p/**/*.beancount", &["p/2026/c.beancount", "p/b.beancount"]),
        ("p/**", &["p/2026/c.beancount", "p/b.beancount", "p/f.txt"]),
        ("**/c.beancount", &["p/2026/c.beancount"]),
        ("p/**.beancount", &["p/b.beancount"]),
        ("p/*", &["p/b.beancount", "p/f.txt"]),
        ("p/.*/*", &["p/.x/e.beancount"]),
        ("p/2026/.*", &["p/2026/.d.beancount"]),
        ("p/[.]x/*", &[]),
        ("?.bean*", &["a.beancount"]),
        ("p/../a.beancount", &["a.beancount"]),
        ("p/./b.beancount", &["p/b.beancount"]),
        (
            "archive/202[0-9].beancount",
            &["archive/2020.beancount", "archive/2021.beancount"],
        ),
        ("archive/202[!0-9].beancount", &["archive/202x.beancount"]),
        ("archive/20[-x]1.beancount", &["archive/20-1.beancount"]),
        ("archive/20[!-]1.beancount", &["archive/2021.beancount"]),
        ("archive/202[9-0].beancount", &[]),
        ("archive/[[]1].beancount", &["archive/[1].beancount"]),
        ("archive/[]^].beancount", &["archive/^.beancount"]),
        ("archive/[^x].beancount", &["archive/^.beancount"]),
        ("archive/[1.beancount", &[]),
    ];
    for (pattern, expected) in table {
        assert_eq!(found(folder.path(), pattern), *expected, "{pattern}");
    }
    let absolute = folder.path().join("p/*.beancount");
    assert_eq!(found(Path::new("/"), absolute.to_str().unwrap()).len(), 1);
}

#[test]
fn links_are_followed_and_circles_end() {
    let folder = tree(&[
        "p/",
        "archive/a.beancount",
        "p/2025 -> ../archive",
        "archive/round -> ../p",
        "p/up -> ..",
    ]);
    let found = expand(&folder.path().join("p"), "**/*.beancount").unwrap();
    assert_eq!(found.files.len(), 1, "{found:?}");
    let real = folder.path().canonicalize().unwrap().join("archive/a.beancount");
    assert_eq!(found.files.values().collect::<Vec<_>>(), [&real]);
}

#[test]
fn a_link_that_leads_nowhere_is_told() {
    let folder = tree(&[
        "a.beancount",
        "archive -> gone",
        "2025.beancount -> gone/2025.beancount",
        ".lock -> gone",
    ]);
    for (pattern, dangling) in [
        ("**/*.beancount", 2),
        ("*.beancount", 1),
        ("2025.beancount", 1),
        ("a*", 1),
    ] {
        let found = expand(folder.path(), pattern).unwrap();
        assert_eq!(found.dangling.len(), dangling, "{pattern}: {found:?}");
    }
    assert_eq!(expand(folder.path(), "a.*").unwrap().dangling.len(), 0);
}

#[test]
fn a_pattern_covers_files_that_are_not_there_yet() {
    let folder = tree(&["books/pleo/", "link -> books"]);
    let root = folder.path().canonicalize().unwrap();
    let batch = root.join("books/pleo/2026/PLEO-2026-000001.beancount");
    for pattern in [
        "books/pleo/**/*.beancount",
        "books/**/*.beancount",
        "**/*.beancount",
        "books/pleo/*/*",
        "./books/./pleo/20[0-9][0-9]/*.beancount",
        "link/pleo/**/*.beancount",
        "books/pleo/../pleo/**/PLEO-*",
    ] {
        assert!(covers(&root, pattern, &batch), "{pattern}");
    }
    for pattern in [
        "books/pleo/*.beancount",
        "books/pleo/2025/*.beancount",
        "books/accounts.beancount",
        "other/**/*.beancount",
        "books/pleo/**/[!P]*",
    ] {
        assert!(!covers(&root, pattern, &batch), "{pattern}");
    }
    let whole = escaped(batch.to_str().unwrap());
    assert!(covers(&root, &whole, &batch));
}

/// Made-up trees and patterns, answered by us and by the Python that beancount runs on.
#[test]
fn python_agrees_on_made_up_trees() {
    let mut random = fastrand::Rng::with_seed(11);
    let names = [
        "a",
        "ab",
        "b",
        ".a",
        "[a]",
        "a-b",
        "^",
        "!",
        "]",
        "A",
        "-",
        "aa.beancount",
        "2020",
        "æ",
    ];
    let pieces = [
        "*", "?", "**", "[ab]", "[!a]", "[a-c]", "[]a]", "[!]a]", "[^a]", "[a-]", "[-a]", "[b-a]", "[b-a!c]",
        "[--a]", "[!--]", "[", "]", ".", "a", "b", "-", "!", "[a]", "[[]", "æ",
    ];
    let mut questions = Vec::new();
    let mut trees = Vec::new();
    for _ in 0..40 {
        let pick = |random: &mut fastrand::Rng| names[random.usize(..names.len())];
        let folder = tree(&["outside/a", "outside/b/ab"]);
        for _ in 0..12 {
            let depth = random.usize(1..4);
            let place = (0..depth).fold(folder.path().join("tree"), |path, _| path.join(pick(&mut random)));
            // Where a name is taken by a file already, this one is not made.
            if fs::create_dir_all(place.parent().unwrap()).is_ok() {
                let _ = match random.u8(..8) {
                    0 => std::os::unix::fs::symlink(folder.path().join("outside"), &place),
                    1 => std::os::unix::fs::symlink(folder.path().join("outside/a"), &place),
                    2 => std::os::unix::fs::symlink("gone", &place),
                    _ => fs::write(&place, ""),
                };
            }
        }
        for _ in 0..80 {
            let depth = random.usize(1..4);
            let parts: Vec<String> = (0..depth)
                .map(|_| match random.u8(..6) {
                    0 => "**".to_owned(),
                    1 => "*".to_owned(),
                    2 => pick(&mut random).to_owned(),
                    3 if random.u8(..4) == 0 => "..".to_owned(),
                    _ => {
                        let length = random.usize(1..4);
                        (0..length)
                            .map(|_| pieces[random.usize(..pieces.len())])
                            .collect()
                    }
                })
                .collect();
            let pattern = parts.join("/");
            // More than one step up would walk this machine.
            if pattern.matches("..").count() < 2 {
                questions.push((folder.path().join("tree"), pattern));
            }
        }
        trees.push(folder);
    }
    let asked: Vec<_> = questions
        .iter()
        .map(|(folder, pattern)| (folder.to_str().unwrap(), pattern))
        .collect();
    let Some(answers) = real::ask::<Vec<Vec<PathBuf>>>("expand_includes.py", &asked) else {
        println!("note: no Python beside PLEO_EXPORT_BEAN_CHECK, so only the stored table was compared");
        return;
    };
    assert_eq!(answers.len(), questions.len());
    assert!(
        answers.iter().filter(|files| !files.is_empty()).count() > 500,
        "the made-up patterns find too little"
    );
    for ((folder, pattern), mut theirs) in questions.iter().zip(answers) {
        theirs.sort();
        let mut ours: Vec<_> = expand(folder, pattern).unwrap().files.into_values().collect();
        ours.sort();
        ours.dedup();
        assert_eq!(ours, theirs, "{pattern} in {}", folder.display());
    }
}
