//! `safeguard evidence query`: what Prometheus answers, with what it was asked.
//!
//! Its API: <https://prometheus.io/docs/prometheus/latest/querying/api/>, `query` and `query_range`.

use anyhow::Context;
use safeguard_api::evidence::{About, Asked, Format, Range};
use serde::Deserialize;

use super::{REPORT_BYTES_MAX, about, send, text};
use crate::api_client::query;
use crate::args::{EvidenceQueryArgs, Globals};
use crate::dependencies::{Client, FetchError};
use crate::exceptions::now;
use crate::failure::Failure;
use crate::output::Output;

pub(super) fn query_and_add(
    globals: &Globals,
    args: EvidenceQueryArgs,
    output: &Output,
) -> Result<(), Failure> {
    let about = about(args.commit.as_deref(), args.artifact.as_ref())?;
    let asked = Asked {
        query: args.query,
        at: now()?,
        over: args.last.map(|last| Range {
            last,
            step: args.step,
        }),
    };
    let client = Client::new().context("TLS can not be set up")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let report = runtime.block_on(answer(&client, &address(&args.prometheus, &asked)))?;
    let key = match about {
        About::Commit(_) => "commit",
        About::Artifact(_) => "artifact",
    };
    let said = [
        ("service", Some(args.service.to_string())),
        ("format", Some(Format::Prometheus.to_string())),
        (key, Some(text(&about))),
        ("measure", args.measure.map(|measure| measure.as_str().to_owned())),
        ("gate", args.gate.map(|gate| gate.to_string())),
        (
            "asked",
            Some(serde_json::to_string(&asked).context("a question is JSON")?),
        ),
    ];
    send(globals, &said, report, output)
}

/// Times go in seconds since 1970.
fn address(prometheus: &str, asked: &Asked) -> String {
    let seconds = |ms: u64| format!("{}.{:03}", ms / 1000, ms % 1000);
    let at = u64::try_from(asked.at.ms()).unwrap_or(0);
    let question = Some(asked.query.clone());
    let (path, said) = match asked.over {
        None => ("query", vec![("query", question), ("time", Some(seconds(at)))]),
        Some(Range { last, step }) => (
            "query_range",
            vec![
                ("query", question),
                ("start", Some(seconds(at.saturating_sub(last.0)))),
                ("end", Some(seconds(at))),
                ("step", Some(seconds(step.0))),
            ],
        ),
    };
    format!(
        "{}/api/v1/{path}?{}",
        prometheus.trim_end_matches('/'),
        query(&said)
    )
}

/// The answer as it came; one that is an error is told in Prometheus's own words.
async fn answer(client: &Client, address: &str) -> Result<Vec<u8>, Failure> {
    #[derive(Deserialize)]
    struct Refused {
        error: String,
    }

    let unavailable = |error: FetchError| {
        Failure::undecided(format!("Prometheus gave no answer: {error}"))
            .hint("say by `--prometheus` where it is, such as http://prometheus:9090")
    };
    let answer = client
        .get(address, "application/json")
        .await
        .map_err(unavailable)?;
    let status = answer.status;
    let mut body = Vec::new();
    answer
        .write_to(&mut body, REPORT_BYTES_MAX)
        .await
        .map_err(unavailable)?;
    if status.is_success() {
        return Ok(body);
    }
    Err(match serde_json::from_slice::<Refused>(&body) {
        Ok(Refused { error }) => Failure::refused(format!("Prometheus refused the query: {error}"))
            .hint("try it in Prometheus's own page first"),
        Err(_) => Failure::undecided(format!("Prometheus answered {status}")),
    })
}

#[cfg(test)]
mod tests {
    use safeguard_api::{Span, Timestamp};

    use super::*;

    #[test]
    fn a_question_is_an_address() {
        let mut asked = Asked {
            query: "up{job=\"a b\"}".to_owned(),
            at: Timestamp(1_700_000_000_250),
            over: None,
        };
        let told = |asked: &Asked| address("http://prometheus:9090/", asked);
        insta::assert_snapshot!(told(&asked), @"http://prometheus:9090/api/v1/query?query=up%7Bjob%3D%22a%20b%22%7D&time=1700000000.250");
        insta::assert_snapshot!(asked, @r#"up{job="a b"} at 2023-11-14T22:13:20.250Z"#);
        asked.over = Some(Range {
            last: Span::minutes(10),
            step: Span(500),
        });
        insta::assert_snapshot!(told(&asked), @r#"http://prometheus:9090/api/v1/query_range?query=up%7Bjob%3D%22a%20b%22%7D&start=1699999400.250&end=1700000000.250&step=0.500"#);
        insta::assert_snapshot!(asked, @r#"up{job="a b"} over 10m by 500ms until 2023-11-14T22:13:20.250Z"#);
    }
}
