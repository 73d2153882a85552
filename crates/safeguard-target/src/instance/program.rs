//! Whether the artifact is what it should be, and has a program to run.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use safeguard_api::instance::InstanceSpec;

use crate::artifact;

/// Hashes the artifact and returns the program to run, or says why it is not to be run.
pub(super) fn check(spec: &InstanceSpec) -> Result<PathBuf, String> {
    check_artifact(spec)?;
    let program = spec.command.first().ok_or("its command is empty")?;
    let program = spec.root.join(program);
    match std::fs::metadata(&program) {
        Ok(file) if file.is_file() && file.permissions().mode() & 0o111 != 0 => Ok(program),
        Ok(_) => Err(format!("`{}` is not an executable file", program.display())),
        Err(error) => Err(format!("cannot run `{}`: {error}", program.display())),
    }
}

pub(super) fn check_artifact(spec: &InstanceSpec) -> Result<(), String> {
    artifact::verify(&spec.root, &spec.artifact).map_err(|error| with_sources(&error))
}

fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
