//! The files of an image, by their path in it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail};
use tar::{Builder, EntryType, Header};

/// Files, folders and links. Sorted, and written without times and owners, so that the bytes follow from the content.
#[derive(Default)]
pub struct Tree(BTreeMap<PathBuf, Node>);

enum Node {
    Folder { mode: u32 },
    Content { content: Vec<u8>, mode: u32 },
    Copy { source: PathBuf, mode: u32 },
    Link { target: PathBuf },
}

impl Tree {
    /// What most programs expect of a root: users, a resolver's order, a folder for temporary files.
    ///
    /// # Errors
    /// None in practice; the paths are absolute.
    pub fn minimal_root() -> Result<Self> {
        let mut tree = Self::default();
        let users = "root:x:0:0:root:/:/sbin/nologin\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n\
                     nonroot:x:65532:65532:nonroot:/:/sbin/nologin\n";
        let groups = "root:x:0:\nnobody:x:65534:\nnonroot:x:65532:\n";
        for (path, content) in [
            ("/etc/passwd", users),
            ("/etc/group", groups),
            ("/etc/nsswitch.conf", "hosts: files dns\n"),
        ] {
            tree.add_content(path, content.as_bytes().to_vec())?;
        }
        tree.put(Path::new("/tmp"), Node::Folder { mode: 0o1777 })?;
        Ok(tree)
    }

    /// Adds a file made of `content`.
    ///
    /// # Errors
    /// `path` isn't absolute.
    pub fn add_content(&mut self, path: impl AsRef<Path>, content: Vec<u8>) -> Result<()> {
        self.put(
            path.as_ref(),
            Node::Content {
                content,
                mode: 0o644,
            },
        )
    }

    /// Adds a file or a link of this machine, or a folder with all that is below it.
    ///
    /// # Errors
    /// `path` isn't absolute, or `source` can't be read or is a device or a socket.
    pub fn add(&mut self, path: &Path, source: &Path) -> Result<()> {
        let meta =
            fs::symlink_metadata(source).with_context(|| format!("read {}", source.display()))?;
        let kind = meta.file_type();
        if kind.is_symlink() {
            let target =
                fs::read_link(source).with_context(|| format!("read link {}", source.display()))?;
            self.put(path, Node::Link { target })
        } else if kind.is_dir() {
            self.put(path, Node::Folder { mode: 0o755 })?;
            for entry in
                fs::read_dir(source).with_context(|| format!("list {}", source.display()))?
            {
                let name = entry
                    .with_context(|| format!("list {}", source.display()))?
                    .file_name();
                self.add(&path.join(&name), &source.join(&name))?;
            }
            Ok(())
        } else if kind.is_file() {
            let mode = if meta.permissions().mode() & 0o111 == 0 {
                0o644
            } else {
                0o755
            };
            self.put(
                path,
                Node::Copy {
                    source: source.to_owned(),
                    mode,
                },
            )
        } else {
            bail!(
                "{} is neither a file, a folder nor a link",
                source.display()
            )
        }
    }

    /// Writes the layer: a tar archive, parents before children.
    ///
    /// # Errors
    /// A source can't be read, or `out` can't be written.
    pub fn write(&self, out: impl Write) -> Result<()> {
        let mut archive = Builder::new(out);
        for (path, node) in &self.0 {
            append(&mut archive, path, node).with_context(|| format!("add /{}", path.display()))?;
        }
        archive
            .into_inner()
            .and_then(|mut out| out.flush())
            .context("write the layer")
    }

    fn put(&mut self, path: &Path, node: Node) -> Result<()> {
        let mut components = path.components();
        let plain = components.next() == Some(Component::RootDir)
            && components
                .clone()
                .all(|part| matches!(part, Component::Normal(_)));
        if !plain {
            bail!(
                "{}: a path in an image is absolute, without .. in it",
                path.display()
            );
        }
        let relative = components.as_path().to_owned();
        if relative.as_os_str().is_empty() {
            return Ok(());
        }
        let parents = relative
            .ancestors()
            .skip(1)
            .filter(|parent| !parent.as_os_str().is_empty());
        for parent in parents {
            self.0
                .entry(parent.to_owned())
                .or_insert(Node::Folder { mode: 0o755 });
        }
        self.0.insert(relative, node);
        Ok(())
    }
}

fn append(archive: &mut Builder<impl Write>, path: &Path, node: &Node) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(0);
    match node {
        Node::Folder { mode } => {
            header.set_entry_type(EntryType::Directory);
            header.set_mode(*mode);
            archive.append_data(&mut header, path.join(""), io::empty())
        }
        Node::Content { content, mode } => {
            header.set_mode(*mode);
            header.set_size(content.len() as u64);
            archive.append_data(&mut header, path, content.as_slice())
        }
        Node::Copy { source, mode } => {
            let file = File::open(source)?;
            header.set_mode(*mode);
            header.set_size(file.metadata()?.len());
            archive.append_data(&mut header, path, file)
        }
        Node::Link { target } => {
            header.set_entry_type(EntryType::Symlink);
            header.set_mode(0o777);
            archive.append_link(&mut header, path, target)
        }
    }
}
