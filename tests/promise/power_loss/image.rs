//! What a folder holds, as a value that can be kept, compared and written again.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Files by path from the root, folders as `None`.
pub type Image = BTreeMap<PathBuf, Option<Vec<u8>>>;

/// Whether it is SQLite's shared memory, which is made anew after every start of the machine and is left out.
pub fn is_shared_memory(path: &Path) -> bool {
    path.to_str().is_some_and(|path| path.ends_with("-shm"))
}

/// A real folder as an image.
pub fn image_of(root: &Path) -> Image {
    let mut image = Image::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let inside = path.strip_prefix(root).unwrap().to_owned();
            if path.is_dir() {
                image.insert(inside, None);
                folders.push(path);
            } else if !is_shared_memory(&path) {
                image.insert(inside, Some(fs::read(&path).unwrap()));
            }
        }
    }
    image
}

/// Makes a real folder as the image has it.
pub fn rebuild(root: &Path, image: &Image) {
    for entry in fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
    }
    for (path, content) in image {
        match content {
            None => fs::create_dir(root.join(path)).unwrap(),
            Some(content) => fs::write(root.join(path), content).unwrap(),
        }
    }
}
