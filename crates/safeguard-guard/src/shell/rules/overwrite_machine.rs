//! Disks, and files of the machine itself.

use super::remove_files::{is_live_data, is_of_production, keeps_data};
use super::{CommandRule, Invocation, POLICY};
use crate::shell::paths::{Root, Spot};
use crate::shell::word::{UNKNOWN, shown};

pub(super) static RULE: CommandRule = CommandRule {
    id: "overwrite-machine",
    page: include_str!("overwrite_machine.md"),
    sqlstate: POLICY,
    why: "a disk or a file of the machine that is written over is gone for everybody who works on it",
    instead: "write a file of the project that keeps no data, or one in /tmp; move what is to go to /tmp, and have a person change the machine",
    check: |invocation| {
        disk(invocation)
            .or_else(|| written(invocation))
            .or_else(|| rights(invocation))
    },
};

const DISK: &[&str] = &[
    "badblocks",
    "blkdiscard",
    "cfdisk",
    "clear-disk",
    "cryptsetup",
    "fdisk",
    "format-volume",
    "gdisk",
    "hdparm",
    "initialize-disk",
    "lvremove",
    "mdadm",
    "mke2fs",
    "mkswap",
    "newfs",
    "nvme",
    "parted",
    "pvremove",
    "sfdisk",
    "sgdisk",
    "vgremove",
    "wipefs",
];

fn disk(invocation: &Invocation) -> Option<String> {
    let looks = invocation
        .args
        .iter()
        .any(|word| matches!(word.text.as_str(), "-l" | "--list" | "--help" | "--version"));
    if (invocation.is(DISK) || invocation.program.starts_with("mkfs")) && !looks {
        return Some(format!("changes a disk by `{}`", invocation.program));
    }
    let words: Vec<&str> = invocation.args.iter().map(|word| word.text.as_str()).collect();
    let verb = words.first().copied().unwrap_or("");
    let pool = invocation.is(&["zfs", "zpool", "btrfs"])
        && words
            .iter()
            .any(|word| matches!(*word, "destroy" | "rollback" | "delete"));
    let erased = invocation.is(&["diskutil"]) && verb.to_lowercase().contains("erase");
    (pool || erased).then(|| format!("changes a disk by `{}`", invocation.program))
}

fn written(invocation: &Invocation) -> Option<String> {
    let targets: Vec<Spot> = match invocation.program.as_str() {
        "dd" => {
            let out = invocation
                .args
                .iter()
                .filter_map(|word| word.text.strip_prefix("of="));
            out.map(|path| invocation.spot(path)).collect()
        }
        "tee" | "truncate" | "touch" | "sponge" => invocation.spots().collect(),
        "sort" => {
            let options = invocation.options(&["-o", "--output", "-k", "-t"]);
            let out = options.values(&["-o", "--output"]);
            out.map(|word| invocation.spot(&word.text)).collect()
        }
        "cp" | "mv" | "install" | "ln" | "rsync" => last(invocation),
        "sed" | "perl" | "gsed" if invocation.options(&["-e", "-f"]).any(&["-i", "--in-place"]) => {
            invocation.spots().collect()
        }
        "shred" | "srm" => {
            let shredded = invocation
                .spots()
                .find(|spot| !spot.is_made_again() && !spot.last().starts_with('-'))?;
            return Some(format!("shreds `{}`", shown(&shredded.shown())));
        }
        _ => Vec::new(),
    };
    if let Some(moved) = invocation
        .spots()
        .find(|spot| invocation.program == "mv" && spot.last() == ".git")
    {
        return Some(format!("moves `{}`, which git lives by", shown(&moved.shown())));
    }
    let gone = invocation.program == "mv" && targets.iter().any(|spot| spot.shown() == "/dev/null");
    if gone {
        return Some("moves files to where nothing is kept".to_owned());
    }
    let mut targets = targets.into_iter().chain(invocation.written());
    targets
        .find_map(|spot| over(&spot))
        .or_else(|| emptied(invocation))
}

/// Sources in which there is nothing to keep.
fn is_nothing(spot: &Spot) -> bool {
    matches!(spot.shown().as_str(), "/dev/null" | "/dev/zero") || spot.last().starts_with("empty")
}

pub(super) fn over(spot: &Spot) -> Option<String> {
    let keys = spot.root == Root::Home && spot.parts.first().is_some_and(|first| first == ".ssh");
    if spot.is_of_the_machine() || keys {
        return Some(format!(
            "writes `{}`, which is not the project's",
            shown(&spot.shown())
        ));
    }
    // Notes of one's own, and texts on their way to a commit.
    const FREE: &[&str] = &["info", "COMMIT_EDITMSG", "MERGE_MSG", "SQUASH_MSG"];
    let behind = spot
        .parts
        .iter()
        .position(|part| part == ".git")
        .and_then(|at| spot.parts.get(at + 1));
    behind
        .filter(|part| !FREE.contains(&part.as_str()) && !spot.is_for_a_while())
        .map(|_| format!("writes `{}`, which git lives by", shown(&spot.shown())))
}

/// A file of data that would be written over by something else.
fn emptied(invocation: &Invocation) -> Option<String> {
    let by_name = match invocation.program.as_str() {
        "truncate" => {
            let all = |spot: &Spot| keeps_data(spot) || spot.parts.iter().any(|part| part == "**");
            invocation.spots().find(all)
        }
        "clear-content" | "clc" => invocation.spots().find(keeps_data),
        "set-content" | "out-file" => invocation.spots().find(is_live_data),
        // Holes in it, or nothing but zeros.
        "fallocate" if invocation.options(&["-o", "-l"]).any(&["-p", "-z", "-c"]) => {
            invocation.spots().find(keeps_data)
        }
        "dd" => invocation
            .args
            .iter()
            .filter_map(|word| word.text.strip_prefix("of="))
            .map(|path| invocation.spot(path))
            .find(keeps_data),
        "cp" | "ln" | "install" | "rsync" | "mv" => {
            let targets = last(invocation);
            let nothing = invocation
                .spots()
                .any(|spot| is_nothing(&spot) && !targets.contains(&spot));
            targets
                .into_iter()
                .find(|spot| nothing && keeps_data(spot) || is_of_production(spot))
        }
        "tee" | "sponge" => invocation.spots().find(is_live_data),
        "sort" => {
            let options = invocation.options(&["-o", "--output"]);
            let mut out = options
                .values(&["-o", "--output"])
                .map(|word| invocation.spot(&word.text));
            out.find(is_live_data)
        }
        "" | ":" | "cat" | "echo" | "printf" | "true" => invocation.written().find(keeps_data),
        _ => None,
    };
    let names = ["-o", "--output", "-O", "--output-document"];
    let fetched = || {
        let options = invocation.options(&names);
        let mut files = options.values(&names).map(|word| invocation.spot(&word.text));
        files.find(|spot| invocation.is(&["curl", "wget"]) && is_of_production(spot))
    };
    let by_name = by_name
        .or_else(|| invocation.written().find(is_of_production))
        .or_else(fetched);
    by_name.map(|spot| format!("empties `{}`, which keeps data", shown(&spot.shown())))
}

fn last(invocation: &Invocation) -> Vec<Spot> {
    let options = invocation.options(&[
        "-t",
        "--target-directory",
        "-m",
        "--mode",
        "-o",
        "--owner",
        "-g",
        "--group",
    ]);
    let into = options
        .values(&["-t", "--target-directory"])
        .map(|word| invocation.spot(&word.text));
    let last = options.rest.last().map(|(_, word)| invocation.spot(&word.text));
    into.chain(last).collect()
}

/// Rights of everything below a folder that is not the project's.
fn rights(invocation: &Invocation) -> Option<String> {
    if !invocation.is(&["chmod", "chown", "chgrp", "chattr", "setfacl"]) {
        return None;
    }
    let options = match invocation.program.as_str() {
        "setfacl" => invocation.options(&["-m", "-M", "-x", "-X"]),
        _ => invocation.options(&[]),
    };
    let deep = options.any(&["-R", "--recursive"]);
    // A mode may look like an option; two of them have none.
    let is_mode = |text: &str| {
        text.len() > 1 && text.starts_with('-') && text[1..].chars().all(|one| "rwxXst".contains(one))
    };
    let moded = invocation.is(&["setfacl", "chattr"])
        || invocation
            .args
            .iter()
            .any(|word| is_mode(&word.text) || word.text.starts_with("--reference"));
    let words = options
        .rest
        .iter()
        .skip(usize::from(!moded))
        .map(|(_, word)| word);
    let spots: Vec<Spot> = words
        .filter(|word| !word.text.contains(UNKNOWN))
        .map(|word| invocation.spot(&word.text))
        .collect();
    let here = invocation.folder != Spot::unknown();
    // Everything below a folder outside of the project.
    let whole = |spot: &Spot| match spot.root {
        _ if spot.is_made_again() || spot.shown() == "/tmp" => false,
        // In a container such a folder is the application's own.
        Root::System => here || spot.parts.len() < 2,
        Root::Home => here || spot.parts.is_empty(),
        Root::Unknown => here,
        Root::Project => false,
    };
    let found = spots
        .iter()
        .find(|spot| spot.is_of_the_machine() || (deep && whole(spot)))?;
    Some(format!("changes the rights of `{}`", shown(&found.shown())))
}
