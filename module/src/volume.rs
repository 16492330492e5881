//! Whether the ledger's folder outlives the container: a look at the kernel's list of mounts.
//!
//! In a container everything that is not on a mount of its own is gone with the container, and
//! edgeAgent makes a new one at each update. Outside a container nothing is said.

use std::path::Path;

/// The kernel's list.
const MOUNTS: &str = "/proc/self/mountinfo";
/// What Docker and Podman leave in a container.
const MARKS: [&str; 2] = ["/.dockerenv", "/run/.containerenv"];

/// Why counts in a folder would be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fleeting {
    /// The folder is on the container's own file system.
    Container,
    /// The folder is in memory.
    Memory,
    /// The folder is on a volume without a name, which the image brings where the deployment names
    /// none: the next container gets another one.
    Unnamed,
}

/// Warns if the counts in this folder go with the container.
pub(crate) fn warn_if_fleeting(folder: &Path) {
    let Ok(mounts) = std::fs::read_to_string(MOUNTS) else {
        tracing::debug!(
            "{MOUNTS} cannot be read: it is not known whether the ledger is on a volume"
        );
        return;
    };
    let marked = MARKS.iter().any(|mark| Path::new(mark).exists());
    // Links are followed: what counts is where the bytes are.
    let real = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let place = match fleeting(&mounts, &real, marked) {
        None => return,
        Some(Fleeting::Container) => "the container's own file system",
        Some(Fleeting::Memory) => "memory",
        Some(Fleeting::Unnamed) => "a volume without a name, which goes with its container",
    };
    tracing::warn!(
        "the ledger's folder {0} is in {place}: when the container is replaced, as at each update, \
         all counts that are not sent are lost, and frames that come again are counted again; give \
         {0} a volume or a bind in the module's createOptions, such as \
         \"Binds\": [\"fruit-counter:{0}\"]",
        folder.display()
    );
}

/// One line of the list, as far as it matters.
struct Mount<'a> {
    /// What of its file system is mounted.
    root: String,
    point: String,
    file_system: &'a str,
}

/// Whether counts in a folder are lost with the container, and why. `marked`: whether a container
/// runtime has left its mark; a root that is an overlay is one too.
fn fleeting(mounts: &str, folder: &Path, marked: bool) -> Option<Fleeting> {
    let mounts: Vec<Mount<'_>> = mounts.lines().filter_map(read).collect();
    let of = |path: &Path| {
        mounts
            .iter()
            // Of several on one point the last one is on top.
            .filter(|mount| path.starts_with(&mount.point))
            .max_by_key(|mount| mount.point.len())
    };
    let root = of(Path::new("/"))?;
    if !marked && !root.file_system.contains("overlay") {
        return None;
    }
    let mount = of(folder)?;
    if ["tmpfs", "ramfs"].contains(&mount.file_system) {
        Some(Fleeting::Memory)
    } else if mount.point == "/" {
        Some(Fleeting::Container)
    } else {
        is_unnamed(&mount.root).then_some(Fleeting::Unnamed)
    }
}

/// Docker and Podman keep a volume in `…/volumes/NAME/_data`; without a name it gets 64 hexadecimal
/// digits.
fn is_unnamed(root: &str) -> bool {
    let volume = root
        .strip_suffix("/_data")
        .and_then(|volume| volume.rsplit_once("/volumes/"));
    volume.is_some_and(|(_, name)| {
        name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// `36 35 98:0 /root /point options optional… - type source options` (man 5 proc).
fn read(line: &str) -> Option<Mount<'_>> {
    let (before, after) = line.split_once(" - ")?;
    let mut words = before.split(' ').skip(3);
    Some(Mount {
        root: unescaped(words.next()?),
        point: unescaped(words.next()?),
        file_system: after.split(' ').next()?,
    })
}

/// Blanks, tabs, line ends and backslashes are written as three octal digits.
fn unescaped(text: &str) -> String {
    text.replace("\\040", " ")
        .replace("\\011", "\t")
        .replace("\\012", "\n")
        .replace("\\134", "\\")
}

#[cfg(test)]
mod tests;
