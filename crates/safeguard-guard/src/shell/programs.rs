//! Programs of which it is known what their words are: texts, names of files, or what is asked about elsewhere.

/// They print, search, keep or check a text, and name files.
const SPEAK: &[&str] = &[
    "",
    "[",
    "ag",
    "awk",
    "bat",
    "cat",
    "diff",
    "echo",
    "export",
    "find",
    "gh",
    "git",
    "glab",
    "go",
    "grep",
    "head",
    "jest",
    "less",
    "printf",
    "pytest",
    "rg",
    "safeguard",
    "sed",
    "tail",
    "test",
    "vitest",
    "wc",
];
/// They read a text as code, build or run what a project names: what they are told may well be the name of a command.
const READ_CODE: &[&str] = &[
    "bash",
    "bd",
    "bun",
    "cargo",
    "claude",
    "clip",
    "codex",
    "curl-config",
    "deno",
    "eval",
    "false",
    "gawk",
    "gemini",
    "jq",
    "llm",
    "make",
    "md5sum",
    "more",
    "node",
    "notify-send",
    "npm",
    "pbcopy",
    "perl",
    "pg_format",
    "pnpm",
    "python",
    "python3",
    "read",
    "ruby",
    "say",
    "sh",
    "sha256sum",
    "sort",
    "sponge",
    "sqlfluff",
    "sqlfmt",
    "squawk",
    "tee",
    "time",
    "todo",
    "tr",
    "trap",
    "true",
    "uniq",
    "wl-copy",
    "xargs",
    "xclip",
    "yarn",
    "zsh",
];
/// Their words name files, or start what is asked about by itself; what is in quotes among them may be sent on.
const NAME_FILES: &[&str] = &[
    "cd",
    "chmod",
    "code",
    "cp",
    "curl",
    "docker",
    "docker-compose",
    "helm",
    "kubectl",
    "ln",
    "ls",
    "man",
    "mkdir",
    "mocha",
    "mv",
    "open",
    "pip",
    "podman",
    "psql",
    "rm",
    "source",
    "ssh",
    "tar",
    "touch",
    "tree",
    "tsc",
    "type",
    "vi",
    "vim",
    "which",
];
/// They build, install, look, or are asked about elsewhere.
const BUILD: &[&str] = &[
    "adb",
    "aider",
    "alias",
    "apk",
    "apt",
    "apt-get",
    "asdf",
    "brew",
    "bundle",
    "cabal",
    "choco",
    "composer",
    "conda",
    "cursor",
    "defaults",
    "dnf",
    "dotnet",
    "dpkg",
    "duckdb",
    "elixir",
    "emacs",
    "flatpak",
    "flutter",
    "fnm",
    "for",
    "gcloud-completion",
    "gem",
    "git-lfs",
    "gradle",
    "gradlew",
    "guix",
    "hg",
    "java",
    "jj",
    "just",
    "luarocks",
    "mamba",
    "mapfile",
    "mariadb",
    "mise",
    "mix",
    "mvn",
    "mysql",
    "nix",
    "nodenv",
    "nvm",
    "opam",
    "pacman",
    "php",
    "pip3",
    "pipx",
    "pixi",
    "poetry",
    "port",
    "pre-commit",
    "pyenv",
    "r",
    "rbenv",
    "rustup",
    "sbt",
    "scoop",
    "sdk",
    "set",
    "snap",
    "sqlite3",
    "stack",
    "svn",
    "task",
    "tmux",
    "tsx",
    "unset",
    "uv",
    "volta",
    "winget",
    "xcrun",
    "yq",
    "yum",
    "zypper",
];

/// Whether anything is known of a program here.
pub(crate) fn is_known(program: &str) -> bool {
    [SPEAK, READ_CODE, NAME_FILES, BUILD]
        .iter()
        .any(|programs| programs.contains(&program))
}

/// Whether a statement among a program's words is sent to no database.
pub(crate) fn only_speaks(program: &str) -> bool {
    SPEAK.contains(&program) || READ_CODE.contains(&program)
}

/// Whether a program's words are no command of its own.
pub(crate) fn names_files(program: &str) -> bool {
    SPEAK.contains(&program) || NAME_FILES.contains(&program)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_program_stands_in_one_list() {
        let lists = [SPEAK, READ_CODE, NAME_FILES, BUILD];
        let all: BTreeSet<&str> = lists.into_iter().flatten().copied().collect();
        let count: usize = lists.iter().map(|list| list.len()).sum();
        assert_eq!(all.len(), count);
        assert!(lists.iter().all(|list| list.is_sorted()));
    }
}
