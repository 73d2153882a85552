//! Artifacts: equal bytes have equal digests, and nothing else gets in.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use safeguard_api::Digest;
use safeguard_target::artifact::{self, ArtifactError};

fn tree(order: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("bin")).unwrap();
    for path in order {
        fs::write(folder.path().join(path), path).unwrap();
    }
    fs::set_permissions(folder.path().join("bin/app"), fs::Permissions::from_mode(0o750)).unwrap();
    folder
}

fn pack(path: &Path) -> (Vec<u8>, Digest) {
    let mut tar = Vec::new();
    let (digest, bytes) = artifact::pack(path, &mut tar).unwrap();
    assert_eq!(bytes, tar.len() as u64);
    assert_eq!(digest, Digest::of(&tar));
    (tar, digest)
}

fn refusal(result: Result<impl std::fmt::Debug, ArtifactError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn the_tar_depends_on_nothing_but_names_bytes_and_executable_bits() {
    let long = format!("{}.txt", "n".repeat(200));
    let one = tree(&["bin/app", "a", "b.txt", &long]);
    let other = tree(&[&long, "b.txt", "a", "bin/app"]);
    fs::set_permissions(other.path().join("a"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(other.path().join("bin/app"), fs::Permissions::from_mode(0o711)).unwrap();
    let (tar, digest) = pack(one.path());
    assert_eq!(pack(other.path()), (tar.clone(), digest.clone()));
    let store = tempfile::tempdir().unwrap();
    let root = artifact::unpack(&tar[..], store.path(), &digest).unwrap();
    assert_eq!(root, store.path().join(digest.hex()));
    let mode = |path: &str| fs::metadata(root.join(path)).unwrap().permissions().mode() & 0o7777;
    assert_eq!(
        (mode(""), mode("bin"), mode("bin/app"), mode("a")),
        (0o555, 0o555, 0o555, 0o444)
    );
    assert_eq!(pack(&root).1, digest);
    assert_eq!(artifact::unpack(&tar[..], store.path(), &digest).unwrap(), root);
    assert_eq!(fs::read_dir(store.path()).unwrap().count(), 1);
}

#[test]
fn every_change_of_an_unpacked_artifact_is_seen() {
    type Change = fn(&Path);
    let changes: [(&str, Change); 7] = [
        ("a flipped byte", |root| fs::write(root.join("a"), "b").unwrap()),
        ("an added file", |root| fs::write(root.join("c"), "").unwrap()),
        ("an added folder", |root| fs::create_dir(root.join("c")).unwrap()),
        ("a missing file", |root| fs::remove_file(root.join("a")).unwrap()),
        ("a new name", |root| {
            fs::rename(root.join("a"), root.join("c")).unwrap()
        }),
        ("an executable bit", |root| {
            fs::set_permissions(root.join("a"), fs::Permissions::from_mode(0o755)).unwrap();
        }),
        ("a link", |root| symlink("a", root.join("c")).unwrap()),
    ];
    for (what, change) in changes {
        let folder = tree(&["bin/app", "a", "b.txt"]);
        let digest = artifact::digest_of(folder.path()).unwrap();
        artifact::verify(folder.path(), &digest).unwrap();
        change(folder.path());
        assert!(artifact::verify(folder.path(), &digest).is_err(), "{what}");
    }
}

#[test]
fn a_damaged_artifact_is_replaced_by_what_is_sent_again() {
    let folder = tree(&["bin/app", "a"]);
    let (tar, digest) = pack(folder.path());
    let store = tempfile::tempdir().unwrap();
    let root = artifact::unpack(&tar[..], store.path(), &digest).unwrap();
    fs::set_permissions(root.join("a"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(root.join("a"), "damaged").unwrap();
    artifact::unpack(&tar[..], store.path(), &digest).unwrap();
    artifact::verify(&root, &digest).unwrap();
}

/// One entry as it is, without the checks of the library that writes tars.
fn entry(tar: &mut Vec<u8>, kind: tar::EntryType, path: &str, size: u64, content: &[u8]) {
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(size);
    header.set_cksum();
    tar.extend_from_slice(header.as_bytes());
    tar.extend_from_slice(content);
    tar.resize(tar.len().next_multiple_of(512), 0);
}

#[test]
fn hostile_tars_are_refused_and_leave_nothing() {
    use tar::EntryType as Kind;
    let name = "n".repeat(2000);
    type Entry<'a> = (Kind, &'a str, u64, &'a [u8]);
    let table: [(&str, &[Entry<'_>]); 16] = [
        ("absolute", &[(Kind::Regular, "/etc/passwd", 1, b"x")]),
        ("absolute", &[(Kind::Regular, "a/../../b", 1, b"x")]),
        ("absolute", &[(Kind::Regular, "..", 1, b"x")]),
        ("absolute", &[(Kind::Regular, "./a", 1, b"x")]),
        ("absolute", &[(Kind::Regular, "a//b", 1, b"x")]),
        ("control character", &[(Kind::Regular, "a\nb", 1, b"x")]),
        ("symbolic link", &[(Kind::Symlink, "a", 0, b"")]),
        ("hard link", &[(Kind::Link, "a", 0, b"")]),
        ("device", &[(Kind::Char, "a", 0, b"")]),
        ("pipe", &[(Kind::Fifo, "a", 0, b"")]),
        ("PAX", &[(Kind::XHeader, "a", 1, b"x")]),
        ("another kind", &[(Kind::GNUSparse, "a", 1, b"x")]),
        (
            "twice",
            &[(Kind::Regular, "a", 1, b"x"), (Kind::Regular, "a", 1, b"y")],
        ),
        (
            "more than 2147483648 bytes",
            &[(Kind::Regular, "a", 3 << 30, b"x")],
        ),
        (
            "longer than 1024",
            &[
                (Kind::GNULongName, "l", 2000, name.as_bytes()),
                (Kind::Regular, "a", 1, b"x"),
            ],
        ),
        ("no file", &[(Kind::Directory, "a/", 0, b"")]),
    ];
    for (why, entries) in table {
        let mut tar = Vec::new();
        for (kind, path, size, content) in entries {
            entry(&mut tar, *kind, path, *size, content);
        }
        tar.resize(tar.len() + 1024, 0);
        let store = tempfile::tempdir().unwrap();
        let refused = refusal(artifact::unpack(&tar[..], store.path(), &Digest::of(&tar)));
        assert!(refused.contains(why), "{why}: {refused}");
        assert_eq!(fs::read_dir(store.path()).unwrap().count(), 0, "{why}");
    }
}

#[test]
fn a_bomb_of_entries_and_another_artifact_are_refused() {
    let mut tar = Vec::new();
    for number in 0..=artifact::ENTRIES_MAX {
        entry(&mut tar, tar::EntryType::Regular, &number.to_string(), 0, b"");
    }
    let store = tempfile::tempdir().unwrap();
    let refused = refusal(artifact::unpack(&tar[..], store.path(), &Digest::of(b"")));
    assert_eq!(refused, "the artifact has more than 50000 files and folders");
    let (tar, digest) = pack(tree(&["bin/app"]).path());
    let wanted = Digest::of(b"another");
    let refused = refusal(artifact::unpack(&tar[..], store.path(), &wanted));
    assert_eq!(
        refused,
        format!("the artifact's digest is `{digest}`, not `{wanted}`")
    );
    let cut = &tar[..tar.len() / 3];
    refusal(artifact::unpack(cut, store.path(), &digest));
    assert_eq!(fs::read_dir(store.path()).unwrap().count(), 0);
}

#[test]
fn links_pipes_and_empty_folders_are_not_packed() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(
        refusal(artifact::digest_of(folder.path())),
        "the artifact has no file"
    );
    symlink("/etc/passwd", folder.path().join("a")).unwrap();
    assert!(refusal(artifact::digest_of(folder.path())).contains("a symbolic link"));
    fs::remove_file(folder.path().join("a")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("a")).unwrap();
    assert!(refusal(artifact::digest_of(folder.path())).contains("a socket"));
}
