//! Container images from files: an OCI image layout in one tar archive (image-spec 1.1), the same bytes for the same
//! files.
//!
//! One layer, `FROM scratch`, not compressed: the archive goes to a containerd on the same machine, where packing and
//! unpacking would cost more than they save.

mod archive;
mod name;
mod tree;

pub use archive::{Config, write};
pub use name::{InvalidName, Name};
pub use tree::Tree;
