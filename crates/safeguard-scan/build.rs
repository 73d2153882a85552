//! Rules are written in YAML and kept as JSON: all of them are read whenever the program looks at anything, and JSON is read many times faster.

use std::path::Path;
use std::{env, fs, io};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=src/rules");
    let out = env::var("OUT_DIR")?;
    for family in fs::read_dir("src/rules")? {
        let family = family?.path();
        if family.is_dir() {
            translate(
                &family,
                &Path::new(&out).join(family.file_name().ok_or("no name")?),
            )?;
        }
    }
    Ok(())
}

fn translate(from: &Path, to: &Path) -> Result<(), Box<dyn std::error::Error>> {
    fs::create_dir_all(to)?;
    for file in fs::read_dir(from)? {
        let file = file?.path();
        if file.extension().is_none_or(|ending| ending != "yaml") {
            continue;
        }
        let rules: serde_json::Value = serde_saphyr::from_str(&fs::read_to_string(&file)?)
            .map_err(|error| io::Error::other(format!("{}: {error}", file.display())))?;
        let name = Path::new(file.file_name().ok_or("no name")?).with_extension("json");
        fs::write(to.join(name), serde_json::to_vec(&rules)?)?;
    }
    Ok(())
}
