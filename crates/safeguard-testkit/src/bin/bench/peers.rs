//! The peers from Debian: haproxy and nginx as plain reverse proxies, each with one thread.

use std::net::SocketAddr;

use anyhow::Context;

use crate::processes::{Running, free_address};

/// A peer at work.
pub struct Peer {
    // The process ends before its folder goes.
    pub process: Running,
    pub address: SocketAddr,
    _folder: tempfile::TempDir,
}

pub fn haproxy(core: usize, backend: SocketAddr) -> anyhow::Result<Peer> {
    start(core, "haproxy", |address, folder| {
        let configuration = format!(
            "global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
frontend users
  bind {address}
  default_backend service
backend service
  server one {backend}
"
        );
        (
            configuration,
            vec![
                "-db".to_owned(),
                "-f".to_owned(),
                format!("{folder}/configuration"),
            ],
        )
    })
}

pub fn nginx(core: usize, backend: SocketAddr) -> anyhow::Result<Peer> {
    start(core, "nginx", |address, folder| {
        let configuration = format!(
            "daemon off;
master_process off;
worker_processes 1;
error_log {folder}/error.log;
pid {folder}/pid;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  keepalive_requests 1000000000;
  upstream service {{ server {backend}; keepalive 256; keepalive_requests 1000000000; }}
  server {{
    listen {address};
    location / {{ proxy_pass http://service; proxy_http_version 1.1; proxy_set_header Connection \"\"; }}
  }}
}}
"
        );
        (
            configuration,
            vec!["-c".to_owned(), format!("{folder}/configuration")],
        )
    })
}

fn start(
    core: usize,
    program: &str,
    configure: impl FnOnce(SocketAddr, &str) -> (String, Vec<String>),
) -> anyhow::Result<Peer> {
    let folder = tempfile::tempdir()?;
    let path = folder
        .path()
        .to_str()
        .context("the temporary folder's path is not text")?;
    let address = free_address()?;
    let (configuration, arguments) = configure(address, path);
    std::fs::write(folder.path().join("configuration"), configuration)?;
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut process = Running::on_core(core, program, &arguments)?;
    process.wait_for(address)?;
    Ok(Peer {
        process,
        address,
        _folder: folder,
    })
}
