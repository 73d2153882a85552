//! A disk that is full: what can not be recorded is not done, and what was decided before is recorded once there is room.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::guarded::{Guarded, decision_in};
use super::up::runtime;

/// With room for the state and little else.
const OPTIONS: &str = "size=48m,mode=700";

/// A disk of its own for the state, which ends with the test.
struct Disk(PathBuf);

impl Disk {
    /// Puts what lies in a folder onto a small disk in its place; nothing where this machine does not let us.
    fn under(folder: &Path) -> Option<Disk> {
        let aside = folder.with_extension("aside");
        std::fs::rename(folder, &aside).expect("moved aside");
        std::fs::create_dir(folder).expect("a folder");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", OPTIONS, "tmpfs"])
            .arg(folder)
            .output();
        let disk = mounted.ok()?.status.success().then(|| Disk(folder.to_owned()))?;
        let copied = Command::new("cp")
            .arg("-a")
            .arg(format!("{}/.", aside.display()))
            .arg(folder)
            .status();
        assert!(copied.expect("cp runs").success());
        Some(disk)
    }

    /// Fills it to the last byte.
    fn fill(&self) -> PathBuf {
        let path = self.0.join("filler");
        let mut file = std::fs::File::create(&path).expect("a file");
        let mut piece = vec![0x55; 1 << 16];
        loop {
            match file.write(&piece) {
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::StorageFull && piece.len() > 1 => {
                    piece.truncate(piece.len() / 2);
                }
                Err(error) if error.kind() == std::io::ErrorKind::StorageFull => return path,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("-l").arg(&self.0).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            eprintln!("`{}` is still mounted", self.0.display());
        }
    }
}

#[test]
fn on_a_full_disk_the_agent_writes_nothing_and_what_was_decided_is_recorded_when_there_is_room() {
    runtime().block_on(async {
        let mut guarded = Guarded::start().await;
        guarded.up.stop();
        let Some(disk) = Disk::under(&guarded.up.state_path()) else {
            println!("left out: a disk of its own takes the right to mount one");
            return;
        };
        guarded.up.start_again().await;
        let write = "UPDATE carts SET id = id WHERE id = 1";
        let told = |guarded: &Guarded| String::from_utf8_lossy(&guarded.coder(write).stderr).into_owned();
        let writes = async || told(&guarded).is_empty().then_some(());
        guarded.up.until("the agent may write", writes).await;

        let filler = disk.fill();
        let refused = async || told(&guarded).contains("does not reach the log").then_some(());
        guarded.up.until("writes are refused", refused).await;
        let read = guarded.coder("SELECT count(*) FROM users");
        assert_eq!(String::from_utf8_lossy(&read.stdout).trim(), "9");
        let decided: Vec<String> = (0..5)
            .map(|id| decision_in(&guarded.refused(&format!("DELETE FROM users WHERE id = {id}"))))
            .collect();

        std::fs::remove_file(filler).expect("there is room again");
        guarded.up.until("the agent may write again", writes).await;
        let all = async || {
            let (_, entries) = guarded.log().await;
            decided
                .iter()
                .all(|decision| entries.contains(decision))
                .then_some(())
        };
        guarded.up.until("every decision is in the log", all).await;
        let exported = guarded.up.safeguard(&["audit", "export", "log"]);
        assert!(
            exported.status.success(),
            "{}",
            String::from_utf8_lossy(&exported.stderr)
        );
        let verified = guarded.up.safeguard(&["audit", "verify", "log"]);
        let said = String::from_utf8_lossy(&[verified.stdout, verified.stderr].concat()).into_owned();
        assert!(verified.status.success(), "{said}");
        drop(guarded);
        drop(disk);
    });
}
