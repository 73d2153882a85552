//! Requests a second and latency of the router with one thread, beside haproxy and nginx with one thread, same backend.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Context;
use safeguard_api::id::ReleaseId;

use crate::load::wrk;
use crate::peers;
use crate::processes::{Running, cores, free_address};
use crate::report::{Row, median};
use crate::router_process::{Router, Share};

const ROUNDS: usize = 5;
const WARM_UP: Duration = Duration::from_secs(1);
const ROUND: Duration = Duration::from_secs(3);
/// Enough to keep the proxy busy all the time.
const CONNECTIONS_FULL: u32 = 64;
/// Few enough that nothing queues for long: what is measured is the way, not the queue.
const CONNECTIONS_LATENCY: u32 = 4;

#[derive(Default)]
struct Figures {
    rates: Vec<f64>,
    /// Requests for each second of the proxy's own processor time.
    rates_by_cpu: Vec<f64>,
    p99s: Vec<f64>,
}

pub fn run() -> anyhow::Result<Vec<Row>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (core, core_around) = cores();
    let address = free_address()?;
    let mut backend = Running::role(core_around, "backend", &[&address.to_string()])?;
    backend.wait_for(address)?;

    let (mut own, mut haproxy, mut nginx, mut direct) = (
        Figures::default(),
        Figures::default(),
        Figures::default(),
        Figures::default(),
    );
    for round in 0..ROUNDS {
        eprintln!("    round {} of {ROUNDS}", round + 1);
        direct
            .p99s
            .push(wrk(core_around, address, CONNECTIONS_LATENCY, ROUND)?.p99_ms);
        // Both arms at work, as in a canary: the judge and the assignment of users are part of the price.
        let router = runtime.block_on(async {
            let mut router = Router::start(core, 1).await?;
            let share = Share {
                release: ReleaseId::new(2, 0),
                address,
                weight: 10,
                epoch: 1,
                judged: true,
            };
            router.apply(&[(address, Some(share))]).await?;
            anyhow::Ok(router)
        })?;
        own.measure(
            core_around,
            *router.addresses.first().context("no route")?,
            router.process(),
        )?;
        drop(router);
        let peer = peers::haproxy(core, address)?;
        haproxy.measure(core_around, peer.address, &peer.process)?;
        drop(peer);
        let peer = peers::nginx(core, address)?;
        nginx.measure(core_around, peer.address, &peer.process)?;
    }
    let (own_rate, own_by_cpu) = (median(&mut own.rates), median(&mut own.rates_by_cpu));
    let base = median(&mut direct.p99s);
    let added = median(&mut own.p99s) - base;
    Ok(vec![
        Row::new("router throughput", own_rate, "requests/s")
            .beside("haproxy", median(&mut haproxy.rates))
            .at_least_of_peer(1.0),
        Row::new("router throughput", own_rate, "requests/s").beside("nginx", median(&mut nginx.rates)),
        Row::new(
            "router throughput by its processor time",
            own_by_cpu,
            "requests/s",
        )
        .beside("haproxy", median(&mut haproxy.rates_by_cpu)),
        Row::new("router added latency, p99", added, "ms")
            .beside("haproxy", median(&mut haproxy.p99s) - base)
            .at_most(1.0),
        Row::new("router added latency, p99", added, "ms").beside("nginx", median(&mut nginx.p99s) - base),
    ])
}

impl Figures {
    fn measure(&mut self, core: usize, address: SocketAddr, process: &Running) -> anyhow::Result<()> {
        wrk(core, address, CONNECTIONS_FULL, WARM_UP)?;
        let (began, cpu) = (Instant::now(), process.cpu()?);
        let full = wrk(core, address, CONNECTIONS_FULL, ROUND)?;
        let busy = (process.cpu()? - cpu).as_secs_f64();
        self.rates.push(full.requests_per_second);
        self.rates_by_cpu
            .push(full.requests_per_second * began.elapsed().as_secs_f64() / busy);
        self.p99s
            .push(wrk(core, address, CONNECTIONS_LATENCY, ROUND)?.p99_ms);
        Ok(())
    }
}
