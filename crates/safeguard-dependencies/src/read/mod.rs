//! Files to listings. Each format has a file of its own here; what can not be read is said, and never passed over.

mod bun;
mod cargo;
mod composer;
mod go;
mod gradle;
mod indented;
mod json;
mod maven;
mod npm;
mod pip_tools;
mod pnpm;
mod pyproject;
mod python_locks;
mod requirements;
mod ruby;
mod settings;
mod toml_text;
mod yarn;

use crate::package::{Ecosystem, Listing};

pub use requirements::requirement;

pub const FILE_BYTES_MAX: usize = 32 << 20;
/// How many packages a file may name.
pub const PACKAGES_MAX: usize = 100_000;

/// Folders of other people's code, and of what tests read.
const NOT_THE_PROJECTS: &[&str] = &[
    ".venv",
    "__fixtures__",
    "bower_components",
    "fixtures",
    "node_modules",
    "site-packages",
    "test-data",
    "testdata",
    "vendor",
];

/// The formats that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    BuildGradle,
    BunLock,
    CargoConfig,
    CargoLock,
    CargoToml,
    ComposerJson,
    ComposerLock,
    Dependabot,
    GemfileLock,
    GoMod,
    GoSum,
    GradleLock,
    Npmrc,
    PackageJson,
    PackageLock,
    PdmLock,
    PipConf,
    Pipfile,
    PipfileLock,
    PnpmLock,
    PnpmWorkspace,
    PoetryLock,
    Pom,
    PylockToml,
    Pyproject,
    Requirements,
    SetupCfg,
    UvLock,
    UvToml,
    YarnLock,
    Yarnrc,
}

/// Whether a file says what would be fit, what is taken, or how it is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Manifest,
    Lock,
    Settings,
}

impl Format {
    pub fn of(path: &str) -> Option<Format> {
        let in_dependency = path
            .split('/')
            .rev()
            .skip(1)
            .any(|part| NOT_THE_PROJECTS.contains(&part));
        if in_dependency {
            return None;
        }
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let last = folder.rsplit('/').next().unwrap_or("");
        Some(match name {
            "package.json" => Format::PackageJson,
            "package-lock.json" | "npm-shrinkwrap.json" => Format::PackageLock,
            "yarn.lock" => Format::YarnLock,
            "pnpm-lock.yaml" => Format::PnpmLock,
            "pnpm-workspace.yaml" => Format::PnpmWorkspace,
            "bun.lock" => Format::BunLock,
            ".npmrc" => Format::Npmrc,
            ".yarnrc.yml" => Format::Yarnrc,
            "poetry.lock" => Format::PoetryLock,
            "uv.lock" => Format::UvLock,
            "uv.toml" => Format::UvToml,
            "pdm.lock" => Format::PdmLock,
            "Pipfile" => Format::Pipfile,
            "Pipfile.lock" => Format::PipfileLock,
            "pyproject.toml" => Format::Pyproject,
            "setup.cfg" => Format::SetupCfg,
            "pip.conf" | "pip.ini" => Format::PipConf,
            "go.mod" => Format::GoMod,
            "go.sum" => Format::GoSum,
            "Cargo.lock" => Format::CargoLock,
            "Cargo.toml" => Format::CargoToml,
            "config.toml" | "config" if last == ".cargo" => Format::CargoConfig,
            "dependabot.yml" | "dependabot.yaml" if last == ".github" => Format::Dependabot,
            "pom.xml" => Format::Pom,
            "gradle.lockfile" => Format::GradleLock,
            "build.gradle" | "build.gradle.kts" => Format::BuildGradle,
            "Gemfile.lock" => Format::GemfileLock,
            "composer.json" => Format::ComposerJson,
            "composer.lock" => Format::ComposerLock,
            _ if is_pylock(name) => Format::PylockToml,
            _ if is_requirements(folder, name) => Format::Requirements,
            _ => return None,
        })
    }

    pub fn role(self) -> Role {
        match self {
            Format::BuildGradle
            | Format::CargoToml
            | Format::ComposerJson
            | Format::GoMod
            | Format::PackageJson
            | Format::Pipfile
            | Format::Pom
            | Format::Pyproject
            | Format::Requirements
            | Format::SetupCfg => Role::Manifest,
            Format::BunLock
            | Format::CargoLock
            | Format::ComposerLock
            | Format::GemfileLock
            | Format::GoSum
            | Format::GradleLock
            | Format::PackageLock
            | Format::PdmLock
            | Format::PipfileLock
            | Format::PnpmLock
            | Format::PoetryLock
            | Format::PylockToml
            | Format::UvLock
            | Format::YarnLock => Role::Lock,
            Format::CargoConfig
            | Format::Dependabot
            | Format::Npmrc
            | Format::PipConf
            | Format::PnpmWorkspace
            | Format::UvToml
            | Format::Yarnrc => Role::Settings,
        }
    }

    pub fn ecosystem(self) -> Option<Ecosystem> {
        Some(match self {
            Format::BuildGradle | Format::GradleLock | Format::Pom => Ecosystem::Maven,
            Format::BunLock
            | Format::Npmrc
            | Format::PackageJson
            | Format::PackageLock
            | Format::PnpmLock
            | Format::PnpmWorkspace
            | Format::YarnLock
            | Format::Yarnrc => Ecosystem::Npm,
            Format::CargoConfig | Format::CargoLock | Format::CargoToml => Ecosystem::Cargo,
            Format::ComposerJson | Format::ComposerLock => Ecosystem::Packagist,
            Format::Dependabot => return None,
            Format::GemfileLock => Ecosystem::RubyGems,
            Format::GoMod | Format::GoSum => Ecosystem::Go,
            Format::PdmLock
            | Format::PipConf
            | Format::Pipfile
            | Format::PipfileLock
            | Format::PoetryLock
            | Format::PylockToml
            | Format::Pyproject
            | Format::Requirements
            | Format::SetupCfg
            | Format::UvLock
            | Format::UvToml => Ecosystem::Pypi,
        })
    }
}

/// `pylock.toml`, `pylock.dev.toml` (PEP 751).
fn is_pylock(name: &str) -> bool {
    name.strip_prefix("pylock.")
        .and_then(|rest| rest.strip_suffix("toml"))
        .is_some_and(|middle| middle.is_empty() || middle.ends_with('.') && middle.matches('.').count() == 1)
}

/// `requirements.txt`, `dev-requirements.txt`, `requirements/base.txt`, `constraints.txt`.
/// Not the chapter of a manual that has such a name.
fn is_requirements(folder: &str, name: &str) -> bool {
    let in_manual = folder.split('/').any(|part| matches!(part, "docs" | "doc"));
    let folder = folder.rsplit('/').next().unwrap_or("");
    let Some(stem) = name.strip_suffix(".txt") else {
        return false;
    };
    let of_kind = |word: &str| {
        stem == word
            || stem
                .strip_prefix(word)
                .is_some_and(|rest| rest.starts_with(['-', '_', '.']))
            || stem
                .strip_suffix(word)
                .is_some_and(|rest| rest.ends_with(['-', '_', '.']))
    };
    folder == "requirements" || of_kind("requirements") || of_kind("constraints") && !in_manual
}

/// Why a file could not be read as a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error("has {bytes} bytes (limit {FILE_BYTES_MAX})")]
    TooLong { bytes: usize },
    #[error("names more than {PACKAGES_MAX} packages")]
    TooMany,
    #[error("is not understood: {0}")]
    Syntax(String),
    #[error("is written in version {0}, which is not known here")]
    Version(String),
}

pub fn read(format: Format, text: &str) -> Result<Listing, ReadError> {
    if text.len() > FILE_BYTES_MAX {
        return Err(ReadError::TooLong { bytes: text.len() });
    }
    let text_without_mark = text.strip_prefix('\u{feff}').unwrap_or(text);
    let moved = text.len() - text_without_mark.len();
    let mut listing = match format {
        Format::BuildGradle => gradle::build(text_without_mark),
        Format::BunLock => bun::lock(text_without_mark),
        Format::CargoConfig => settings::cargo(text_without_mark),
        Format::CargoLock => cargo::lock(text_without_mark),
        Format::CargoToml => cargo::manifest(text_without_mark),
        Format::ComposerJson => composer::manifest(text_without_mark),
        Format::ComposerLock => composer::lock(text_without_mark),
        Format::Dependabot => settings::dependabot(text_without_mark),
        Format::GemfileLock => ruby::lock(text_without_mark),
        Format::GoMod => go::module(text_without_mark),
        Format::GoSum => go::sums(text_without_mark),
        Format::GradleLock => gradle::lock(text_without_mark),
        Format::Npmrc => settings::npmrc(text_without_mark),
        Format::PackageJson => npm::manifest(text_without_mark),
        Format::PackageLock => npm::lock(text_without_mark),
        Format::PdmLock => python_locks::pdm(text_without_mark),
        Format::PipConf => settings::pip(text_without_mark),
        Format::Pipfile => pip_tools::pipfile(text_without_mark),
        Format::PipfileLock => pip_tools::pipfile_lock(text_without_mark),
        Format::PnpmLock => pnpm::lock(text_without_mark),
        Format::PnpmWorkspace => settings::pnpm_workspace(text_without_mark),
        Format::PoetryLock => python_locks::poetry(text_without_mark),
        Format::Pom => maven::pom(text_without_mark),
        Format::PylockToml => python_locks::pylock(text_without_mark),
        Format::Pyproject => pyproject::pyproject(text_without_mark),
        Format::Requirements => requirements::file(text_without_mark),
        Format::SetupCfg => pyproject::setup_cfg(text_without_mark),
        Format::UvLock => python_locks::uv(text_without_mark),
        Format::UvToml => settings::uv(text_without_mark),
        Format::YarnLock => yarn::lock(text_without_mark),
        Format::Yarnrc => settings::yarnrc(text_without_mark),
    }?;
    if listing.dependencies.len() > PACKAGES_MAX {
        return Err(ReadError::TooMany);
    }
    if moved > 0 {
        listing.shift(moved);
    }
    Ok(listing)
}

impl Listing {
    /// Moves all places, where something stood before the text.
    fn shift(&mut self, by: usize) {
        let spans = self.dependencies.iter_mut().map(|one| &mut one.span);
        let spans = spans.chain(self.registries.iter_mut().map(|one| &mut one.span));
        let spans = spans.chain(self.sums.iter_mut().map(|(_, _, span)| span));
        let spans = spans.chain(self.scripts.iter_mut().map(|(_, _, span)| span));
        for span in spans {
            *span = span.start + by..span.end + by;
        }
    }
}
