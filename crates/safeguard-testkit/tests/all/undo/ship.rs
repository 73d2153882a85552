//! Records that leave the database: written, safe on the disk, removed here, and read from there.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::{DATABASE, SHOP, Shop, said};

impl Shop {
    fn folder(&self, name: &str) -> PathBuf {
        let folder = self.postgres.folder().join(name);
        fs::create_dir_all(&folder).expect("a folder");
        folder
    }

    fn kept(&self) -> String {
        self.sql("SELECT (SELECT count(*) FROM safeguard_undo.image) || ' ' || (SELECT count(*) FROM safeguard_undo.act)")
    }
}

#[test]
fn a_record_that_was_shipped_comes_back_from_its_file() {
    let shop = Shop::start(SHOP);
    let folder = shop.folder("shipped");
    let to = folder.to_str().expect("text");
    let before = shop.rows();
    let id = shop.under_an_id("DELETE FROM users WHERE id < 5; TRUNCATE archive");
    let after = shop.rows();
    let told = shop.done(&["ship", "--to", to]);
    assert!(told.contains(&id), "{told}");
    assert_eq!(shop.kept(), "0 0");
    assert_eq!(shop.done(&["ship", "--to", to]), "");

    // One file, whose last line has the hash of all the others.
    let file = folder.join(format!("{id}.jsonl"));
    let text = fs::read_to_string(&file).expect("the file");
    let last = text.trim_end().rsplit('\n').next().expect("a line");
    let summed = Command::new("sh")
        .args(["-c", "head -n -1 \"$0\" | sha256sum"])
        .arg(&file)
        .output()
        .expect("sha256sum runs");
    let sum = String::from_utf8_lossy(&summed.stdout);
    let sum = sum.split(' ').next().expect("a sum");
    assert!(sum.len() == 64 && last.contains(sum), "{last}");
    let listed = shop.done(&["list", "--from", to]);
    assert!(
        listed.contains("shipped") && listed.contains("public.users: 4 deleted"),
        "{listed}"
    );
    // The folder tells it without a database.
    let alone = shop.postgres.safeguard(&["undo", "show", &id, "--from", to]);
    assert!(
        said(&alone).contains("public.users: 4 deleted"),
        "{}",
        said(&alone)
    );

    let told = shop.ends(2, &["restore", &id]);
    assert!(told.contains("`--from FOLDER`"), "{told}");
    // A file that was changed, or cut, brings nothing back.
    for wrong in [
        text.replacen("user 3", "user X", 1),
        text.lines().take(5).collect::<Vec<_>>().join("\n"),
        format!("{text}{{}}\n"),
        String::new(),
    ] {
        fs::write(&file, wrong).expect("written");
        let told = shop.ends(2, &["restore", &id, "--from", to]);
        assert!(told.contains("can not be used"), "{told}");
        assert_eq!(shop.rows(), after);
    }
    fs::write(&file, &text).expect("written");
    shop.done(&["restore", &id, "--from", to, "--dry-run"]);
    assert_eq!((shop.rows(), shop.kept()), (after, "0 0".to_owned()));
    shop.done(&["restore", &id, "--from", to]);
    assert_eq!((shop.rows(), shop.kept()), (before, "0 0".to_owned()));
    let told = shop.ends(1, &["restore", &id, "--from", to]);
    assert!(told.contains("was restored already"), "{told}");
}

#[test]
fn a_database_that_was_built_anew_takes_what_was_shipped_from_the_old_one() {
    let shop = Shop::start(SHOP);
    let folder = shop.folder("shipped");
    let to = folder.to_str().expect("text");
    let before = shop.rows();
    let dump = shop.dump(&["--schema=public"]);
    let id = shop.under_an_id("DELETE FROM users WHERE id < 5");
    shop.done(&["ship", "--to", to]);
    shop.postgres
        .must("postgres", "postgres", "DROP DATABASE shop; CREATE DATABASE shop");
    // The dump has our triggers on its tables, and not what they call.
    let schema = dump.replace("CREATE SCHEMA public;", "");
    let without: Vec<&str> = schema
        .lines()
        .filter(|line| !line.contains("zz_safeguard_undo"))
        .collect();
    shop.postgres.must("postgres", DATABASE, &without.join("\n"));
    shop.done(&["install", "--apply"]);
    let other = shop.under_an_id("DELETE FROM reviews WHERE user_id = 6");
    shop.sql("DELETE FROM users WHERE id < 5");
    // Reviews were set to null by that; the record says what they were.
    shop.done(&["restore", &id, "--from", to]);
    shop.restored(&other);
    assert_eq!(shop.rows(), before);
}

/// Killed after the file was written, and before the database knew: the same record is there twice.
#[test]
fn what_was_written_already_is_shipped_again_as_it_was() {
    let shop = Shop::start(SHOP);
    let folder = shop.folder("shipped");
    let to = folder.to_str().expect("text");
    let id = shop.under_an_id("DELETE FROM users WHERE id < 5");
    shop.postgres
        .must("postgres", "postgres", "CREATE DATABASE twin TEMPLATE shop");
    let twin = shop.postgres.url("postgres", "twin");
    let output = shop
        .postgres
        .safeguard(&["undo", "ship", "--url", &twin, "--to", to]);
    assert!(output.status.success(), "{}", said(&output));
    let written = fs::read(folder.join(format!("{id}.jsonl"))).expect("the file");
    shop.done(&["ship", "--to", to]);
    assert_eq!(shop.kept(), "0 0");
    assert_eq!(
        fs::read(folder.join(format!("{id}.jsonl"))).expect("the file"),
        written
    );
}

#[test]
fn what_can_not_be_written_stays_in_the_database() {
    let shop = Shop::start(SHOP);
    let folder = shop.folder("shipped");
    let before = shop.rows();
    let id = shop.under_an_id("DELETE FROM users WHERE id < 5");
    let kept = shop.kept();
    let nowhere = folder.join("nowhere");
    let told = shop.ends(2, &["ship", "--to", nowhere.to_str().expect("text")]);
    assert!(
        told.contains("stays in the database") && told.contains("nothing was removed"),
        "{told}"
    );

    // A disk that is full: files end after four kilobytes. SIGXFSZ is ignored, so that the write fails as it does there.
    let url = shop.postgres.url("postgres", DATABASE);
    let script = "ulimit -f 4; trap '' XFSZ; exec \"$0\" undo ship --url \"$1\" --to \"$2\"";
    let output = Command::new("bash")
        .args(["-c", script])
        .arg(crate::live::up::binary("safeguard"))
        .arg(&url)
        .arg(&folder)
        .output()
        .expect("bash runs");
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(
        said(&output).contains("stays in the database"),
        "{}",
        said(&output)
    );
    assert_eq!(shop.kept(), kept);
    let left = fs::read_dir(&folder).expect("the folder").count();
    assert_eq!(left, 0, "half a file is left");

    // A file of that name that is none of ours is not written over.
    let file = folder.join(format!("{id}.jsonl"));
    fs::write(&file, "mine\n").expect("written");
    let told = shop.ends(1, &["ship", "--to", folder.to_str().expect("text")]);
    assert!(told.contains("is another file"), "{told}");
    assert_eq!(fs::read_to_string(&file).expect("the file"), "mine\n");
    assert_eq!(shop.kept(), kept);
    shop.restored(&id);
    assert_eq!(shop.rows(), before);
}
