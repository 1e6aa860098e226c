//! Writes the three definitions into `crds/yaml/`.

use std::{error::Error, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("yaml");
    fs::create_dir_all(&folder)?;
    for crd in mcp_crds::crds() {
        let file = folder.join(format!("{}.yaml", crd.spec.names.plural));
        fs::write(file, serde_saphyr::to_string(&crd)?)?;
    }
    Ok(())
}
