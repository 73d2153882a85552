//! Figures, to be looked at: `cargo test -p safeguard-store -- --ignored --nocapture`.

use std::time::Instant;

use safeguard_store::StoreError;

use crate::place::{Folder, event, memory};

#[test]
#[ignore = "prints a figure"]
fn commits_in_memory() {
    let store = memory();
    let started = Instant::now();
    const COMMITS: u32 = 5000;
    for at in 0..COMMITS {
        let event = event("rel_0000000000000000", &"x".repeat(300));
        let write = store.write_blocking(move |tx| -> Result<u64, StoreError> {
            tx.put_setting("rollout", &format!("{at}{}", "y".repeat(600)))?;
            tx.append(&event)
        });
        write.unwrap().unwrap();
    }
    println!("in memory: {:?} a commit", started.elapsed() / COMMITS);
}

#[test]
#[ignore = "prints a figure"]
fn appends_at_128_writers() {
    let folder = Folder::new();
    let store = folder.open();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for writers in [1, 16, 128_u32] {
        let each = if writers == 1 { 500 } else { 800 };
        let started = Instant::now();
        let mut waits = runtime.block_on(async {
            let tasks: Vec<_> = (0..writers)
                .map(|task| {
                    let store = store.clone();
                    tokio::spawn(async move {
                        let mut waits = Vec::new();
                        for _ in 0..each {
                            let event = event(&format!("rel_{task:016}"), &"x".repeat(430));
                            let asked = Instant::now();
                            store.write(move |tx| tx.append(&event)).await.unwrap().unwrap();
                            waits.push(asked.elapsed());
                        }
                        waits
                    })
                })
                .collect();
            let mut waits = Vec::new();
            for task in tasks {
                waits.extend(task.await.unwrap());
            }
            waits
        });
        waits.sort();
        let rate = f64::from(writers * each) / started.elapsed().as_secs_f64();
        println!(
            "{writers} writers: {rate:.0} appends/s, p99 {:?}",
            waits[waits.len() * 99 / 100]
        );
    }
}
