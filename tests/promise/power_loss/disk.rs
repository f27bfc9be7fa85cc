//! A disk that loses power. A file holds for certain what it held when it was last synced, and a name is there for
//! certain once its folder was synced. Of all that came after, anything may be there or not.

use std::collections::{BTreeMap, HashMap};
use std::path::{Component, Path, PathBuf};

use super::image::{Image, image_of, is_shared_memory};
use super::trace::Call;

/// What of the unsynced is there after the cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Luck {
    /// Nothing.
    Nothing,
    /// Every name, but no data.
    Names,
    /// Every name, and of each file's data the first half, cut off within a write.
    NamesAndHalfOfTheData,
    /// All data, but no name.
    Data,
}

pub const EVERY_LUCK: [Luck; 4] = [
    Luck::Nothing,
    Luck::Names,
    Luck::NamesAndHalfOfTheData,
    Luck::Data,
];

type Id = usize;

#[derive(Debug)]
enum Node {
    File(File),
    Folder(Folder),
}

#[derive(Debug, Default)]
struct File {
    durable: Vec<u8>,
    unsynced: Vec<Change>,
}

#[derive(Debug)]
enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
}

#[derive(Debug, Default)]
struct Folder {
    durable: BTreeMap<String, Id>,
    current: BTreeMap<String, Id>,
}

/// An open file or folder.
#[derive(Debug)]
struct Open {
    id: Id,
    offset: usize,
}

#[derive(Debug)]
pub struct Disk {
    root: PathBuf,
    nodes: Vec<Node>,
    open: HashMap<usize, Open>,
}

impl Disk {
    /// The folder as it is, all of it durable.
    pub fn of(root: &Path) -> Self {
        let mut disk = Self {
            root: root.to_owned(),
            nodes: vec![Node::Folder(Folder::default())],
            open: HashMap::new(),
        };
        for (path, content) in image_of(root) {
            let node = content.map_or(Node::Folder(Folder::default()), |durable| {
                Node::File(File {
                    durable,
                    unsynced: Vec::new(),
                })
            });
            let (folder, name) = disk.place(&path);
            let id = disk.add(node);
            let folder = disk.folder(folder);
            folder.durable.insert(name.clone(), id);
            folder.current.insert(name, id);
        }
        disk
    }

    /// A process has ended; another begins.
    pub fn close_all(&mut self) {
        self.open.clear();
    }

    /// The file or folder that this call makes durable, if it does.
    pub fn synced(&self, call: &Call) -> Option<Id> {
        let is_sync = matches!(call.name.as_str(), "fsync" | "fdatasync");
        is_sync
            .then(|| self.open.get(&call.number(0)).map(|open| open.id))
            .flatten()
    }

    pub fn apply(&mut self, call: &Call) {
        match call.name.as_str() {
            "openat" => self.open(call),
            "close" => drop(self.open.remove(&call.number(0))),
            "write" | "writev" => {
                if let Some(open) = self.open.get_mut(&call.number(0)) {
                    let data = call.data();
                    let (id, offset) = (open.id, open.offset);
                    open.offset += data.len();
                    self.file(id).unsynced.push(Change::Write(offset, data));
                }
            }
            "pwrite64" => {
                if let Some(id) = self.id(call) {
                    let change = Change::Write(call.number(3), call.data());
                    self.file(id).unsynced.push(change);
                }
            }
            "lseek" => {
                if let Some(open) = self.open.get_mut(&call.number(0)) {
                    open.offset = usize::try_from(call.result).unwrap();
                }
            }
            "ftruncate" => {
                if let Some(id) = self.id(call) {
                    self.file(id).unsynced.push(Change::Length(call.number(1)));
                }
            }
            "fsync" | "fdatasync" => {
                if let Some(id) = self.synced(call) {
                    self.nodes[id].sync();
                }
            }
            "rename" => self.rename(&call.path(0), &call.path(1)),
            "unlink" => {
                if let Some(path) = self.inside(&call.path(0)) {
                    let (folder, name) = self.place(&path);
                    self.folder(folder).current.remove(&name);
                }
            }
            "mkdir" => {
                if let Some(path) = self.inside(&call.path(0)) {
                    self.name(&path, Node::Folder(Folder::default()));
                }
            }
            "sendto" | "sendmsg" => {}
            unknown => panic!("the model of the disk does not know `{unknown}`: {call:?}"),
        }
    }

    /// What is on the disk after a cut now.
    pub fn after_cut(&self, luck: Luck) -> Image {
        let mut image = Image::new();
        self.walk(0, Path::new(""), luck, &mut image);
        image
    }

    /// What a process sees now.
    pub fn current(&self) -> Image {
        let mut image = Image::new();
        let mut folders = vec![(0, PathBuf::new())];
        while let Some((id, path)) = folders.pop() {
            let Node::Folder(folder) = &self.nodes[id] else {
                unreachable!()
            };
            for (name, id) in &folder.current {
                let path = path.join(name);
                match &self.nodes[*id] {
                    Node::File(file) => drop(image.insert(path, Some(file.current()))),
                    Node::Folder(_) => {
                        image.insert(path.clone(), None);
                        folders.push((*id, path));
                    }
                }
            }
        }
        image
    }

    fn walk(&self, id: Id, path: &Path, luck: Luck, image: &mut Image) {
        let Node::Folder(folder) = &self.nodes[id] else {
            unreachable!()
        };
        let names = match luck {
            Luck::Nothing | Luck::Data => &folder.durable,
            Luck::Names | Luck::NamesAndHalfOfTheData => &folder.current,
        };
        for (name, id) in names {
            let path = path.join(name);
            match &self.nodes[*id] {
                Node::File(file) => {
                    image.insert(path, Some(file.after_cut(luck)));
                }
                Node::Folder(_) => {
                    image.insert(path.clone(), None);
                    self.walk(*id, &path, luck, image);
                }
            }
        }
    }

    fn open(&mut self, call: &Call) {
        let Some(path) = self.inside(&call.path(1)) else {
            return;
        };
        let flags = call.other(2);
        assert!(
            !flags.contains("O_APPEND"),
            "the model of the disk cannot append: {call:?}"
        );
        let id = match self.find(&path) {
            Some(id) => id,
            None => self.name(&path, Node::File(File::default())),
        };
        if flags.contains("O_TRUNC") {
            self.file(id).unsynced.push(Change::Length(0));
        }
        let descriptor = usize::try_from(call.result).unwrap();
        self.open.insert(descriptor, Open { id, offset: 0 });
    }

    fn rename(&mut self, from: &Path, to: &Path) {
        let (Some(from), Some(to)) = (self.inside(from), self.inside(to)) else {
            return;
        };
        let (folder, name) = self.place(&from);
        let id = self
            .folder(folder)
            .current
            .remove(&name)
            .expect("what is renamed is there");
        let (folder, name) = self.place(&to);
        self.folder(folder).current.insert(name, id);
    }

    fn name(&mut self, path: &Path, node: Node) -> Id {
        let id = self.add(node);
        let (folder, name) = self.place(path);
        self.folder(folder).current.insert(name, id);
        id
    }

    fn add(&mut self, node: Node) -> Id {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    fn id(&self, call: &Call) -> Option<Id> {
        self.open.get(&call.number(0)).map(|open| open.id)
    }

    fn file(&mut self, id: Id) -> &mut File {
        match &mut self.nodes[id] {
            Node::File(file) => file,
            Node::Folder(_) => panic!("a folder is no file"),
        }
    }

    fn folder(&mut self, id: Id) -> &mut Folder {
        match &mut self.nodes[id] {
            Node::Folder(folder) => folder,
            Node::File(_) => panic!("a file is no folder"),
        }
    }

    /// The folder that holds a path, and its name there.
    fn place(&mut self, path: &Path) -> (Id, String) {
        let folder = self.find(path.parent().unwrap()).expect("the folder is there");
        (folder, path.file_name().unwrap().to_str().unwrap().to_owned())
    }

    fn find(&self, path: &Path) -> Option<Id> {
        path.iter().try_fold(0, |id, name| match &self.nodes[id] {
            Node::Folder(folder) => folder.current.get(name.to_str()?).copied(),
            Node::File(_) => None,
        })
    }

    /// The path as seen from the root; `None` for what lies elsewhere, and for SQLite's shared memory: it is made
    /// anew after every start of the machine.
    fn inside(&self, path: &Path) -> Option<PathBuf> {
        let path = if path.is_absolute() {
            path.strip_prefix(&self.root).ok()?
        } else {
            path
        };
        // There are no links in this folder, so that a step up undoes the step before.
        let mut inside = PathBuf::new();
        for part in path.components() {
            match part {
                Component::ParentDir => assert!(inside.pop(), "{} leads outside", path.display()),
                Component::Normal(name) => inside.push(name),
                _ => {}
            }
        }
        (!is_shared_memory(&inside)).then_some(inside)
    }
}

impl Node {
    fn sync(&mut self) {
        match self {
            Self::File(file) => {
                file.durable = file.current();
                file.unsynced.clear();
            }
            Self::Folder(folder) => folder.durable.clone_from(&folder.current),
        }
    }
}

impl File {
    fn current(&self) -> Vec<u8> {
        self.with(&self.unsynced)
    }

    fn after_cut(&self, luck: Luck) -> Vec<u8> {
        match luck {
            Luck::Nothing | Luck::Names => self.durable.clone(),
            Luck::Data => self.current(),
            Luck::NamesAndHalfOfTheData => {
                let (whole, rest) = self.unsynced.split_at(self.unsynced.len() / 2);
                let mut content = self.with(whole);
                if let Some(Change::Write(offset, data)) = rest.first() {
                    Change::Write(*offset, data[..data.len() / 2].to_vec()).apply(&mut content);
                }
                content
            }
        }
    }

    fn with(&self, changes: &[Change]) -> Vec<u8> {
        let mut content = self.durable.clone();
        for change in changes {
            change.apply(&mut content);
        }
        content
    }
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Length(length) => content.resize(*length, 0),
            Self::Write(offset, data) => {
                let end = offset + data.len();
                if content.len() < end {
                    content.resize(end, 0);
                }
                content[*offset..end].copy_from_slice(data);
            }
        }
    }
}
