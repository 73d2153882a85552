//! The check where it is asked every time: before a commit, and in a pipeline.

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use clap::ValueEnum;

use crate::failure::Failure;
use crate::git;
use crate::output::Output;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Host {
    Github,
    Gitlab,
}

const HOOK: &str = "#!/bin/sh
# Set by `safeguard check --install-hook`.
exec safeguard check --staged
";

pub fn install_hook(folder: &Path, output: &Output) -> Result<(), Failure> {
    if !git::is_repository(folder) {
        return Err(Failure::undecided(format!(
            "`{}` is no git repository",
            folder.display()
        )));
    }
    let hook = git::git(folder, &["rev-parse", "--git-path", "hooks/pre-commit"])?;
    let hook = folder.join(hook);
    if let Ok(there) = std::fs::read_to_string(&hook) {
        if there == HOOK {
            output.say(&format!("`{}` is set already", hook.display()));
            return Ok(());
        }
        return Err(
            Failure::refused(format!("`{}` is there, and somebody else's", hook.display()))
                .hint("add a line to it: `safeguard check --staged || exit $?`"),
        );
    }
    let folder = hook.parent().context("a hook lies in a folder")?;
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    let mut file =
        std::fs::File::create_new(&hook).with_context(|| format!("cannot write `{}`", hook.display()))?;
    file.write_all(HOOK.as_bytes())
        .with_context(|| format!("cannot write `{}`", hook.display()))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.set_permissions(std::fs::Permissions::from_mode(0o755))
            .with_context(|| format!("cannot make `{}` run", hook.display()))?;
    }
    output.say(&format!(
        "`{}` looks at what is staged before each commit",
        hook.display()
    ));
    Ok(())
}

pub fn recipe(host: Host) -> &'static str {
    match host {
        Host::Github => {
            "name: safeguard
on: pull_request
permissions:
  contents: read
  security-events: write
jobs:
  check:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
        with:
          fetch-depth: 0
      # Put `safeguard` on the path here.
      - run: safeguard check --base \"origin/$GITHUB_BASE_REF\" --format sarif --output safeguard.sarif
      - if: always()
        uses: github/codeql-action/upload-sarif@v3
        with:
          sarif_file: safeguard.sarif
      # The same as comments on the lines; takes `pull-requests: write` above.
      # - if: always()
      #   run: |
      #     safeguard check --base \"origin/$GITHUB_BASE_REF\" --format github-review --output review.json || true
      #     gh api --method POST \"repos/$GITHUB_REPOSITORY/pulls/${{ github.event.number }}/reviews\" --input review.json
      #   env: { GH_TOKEN: \"${{ github.token }}\" }
"
        }
        Host::Gitlab => {
            "safeguard:
  stage: test
  variables:
    GIT_DEPTH: 0
  script:
    # Put `safeguard` on the path here.
    - safeguard check --base \"origin/$CI_MERGE_REQUEST_TARGET_BRANCH_NAME\" --format gitlab --output safeguard.json
  artifacts:
    when: always
    reports:
      codequality: safeguard.json
  rules:
    - if: $CI_PIPELINE_SOURCE == \"merge_request_event\"
"
        }
    }
}
