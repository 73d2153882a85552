//! Memory of `safeguard up` with nothing to do: supervisor, server and router together.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};
use safeguard_api::stage::Environment;

use crate::processes::{Running, free_address, memory_bytes, until};
use crate::report::Row;

const START_LONGEST: Duration = Duration::from_secs(20);
/// Supervisor, server, router.
const PROCESSES: usize = 3;
const MIB: f64 = (1 << 20) as f64;

pub fn run() -> anyhow::Result<Vec<Row>> {
    let own = std::env::current_exe()?;
    let binary = own.with_file_name("safeguard");
    if !binary.is_file() {
        bail!(
            "there is no {}: build the whole workspace, as ./bench does",
            binary.display()
        );
    }
    let folder = tempfile::tempdir()?;
    let api = free_address()?;
    fs::write(folder.path().join("safeguard.toml"), configuration(api)?)?;
    let mut command = Command::new(&binary);
    command.arg("up").current_dir(folder.path());
    let mut up = Running::start(command)?;
    up.wait_for(api)?;
    until(START_LONGEST, || {
        Ok(healthy(api) && family(&binary)?.len() >= PROCESSES)
    })
    .context("`safeguard up` did not become healthy")?;
    let mut sum = 0;
    for id in family(&binary)? {
        let bytes = memory_bytes(id)?;
        let arguments = fs::read(format!("/proc/{id}/cmdline"))?;
        let arguments = String::from_utf8_lossy(&arguments).replace('\0', " ");
        eprintln!("    {:.1} MiB  {arguments}", bytes as f64 / MIB);
        sum += bytes;
    }
    Ok(vec![
        Row::new("idle memory of `safeguard up`", sum as f64 / MIB, "MiB").at_most(40.0),
    ])
}

/// One service in four environments, and no release of it.
fn configuration(api: SocketAddr) -> anyhow::Result<String> {
    let mut text = format!(
        "mode = \"observe\"\n\n[listen]\napi = \"{api}\"\n\n[services.app]\ncommand = [\"bin/app\"]\n\n[services.app.listen]\n"
    );
    for environment in Environment::ALL {
        text.push_str(&format!("{environment} = \"{}\"\n", free_address()?));
    }
    Ok(text)
}

fn healthy(api: SocketAddr) -> bool {
    let ask = || -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(api)?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(
            format!("GET /healthz HTTP/1.1\r\nHost: {api}\r\nConnection: close\r\n\r\n").as_bytes(),
        )?;
        let mut head = vec![0; "HTTP/1.1 200".len()];
        stream.read_exact(&mut head)?;
        Ok(head)
    };
    ask().is_ok_and(|head| head == b"HTTP/1.1 200")
}

/// The processes that run `binary`.
fn family(binary: &Path) -> anyhow::Result<Vec<u32>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(id) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        // A process may end between the listing and the look.
        if fs::read_link(format!("/proc/{id}/exe")).is_ok_and(|exe| exe == binary) {
            found.push(id);
        }
    }
    found.sort_unstable();
    Ok(found)
}
