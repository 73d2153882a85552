//! Terraform: a function that each new object of a bucket starts, and that is told to write into the same bucket.

use safeguard_api::evidence::Severity;

use crate::analysis::hcl::{Block, blocks};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};

pub static CHECK: Check = Check {
    id: "bucket-starts-itself",
    failure: "X2",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-835"],
    languages: &[Language::Hcl],
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let all = blocks(source);
    for notification in all
        .iter()
        .filter(|block| block.kind() == "aws_s3_bucket_notification")
    {
        let bucket = address(notification, "bucket");
        for started in notification.inner("lambda_function") {
            let made = started
                .texts("events")
                .iter()
                .any(|event| event.starts_with("s3:ObjectCreated"));
            let narrowed = ["filter_prefix", "filter_suffix"]
                .iter()
                .any(|name| started.attribute(name).is_some());
            let function = address(&started, "lambda_function_arn");
            let writes_back = all
                .iter()
                .filter(|block| {
                    block.kind() == "aws_lambda_function"
                        && format!("aws_lambda_function.{}", block.label(1)) == function
                })
                .any(|block| is_told(block, &bucket));
            if made && !narrowed && !bucket.is_empty() && writes_back {
                reports.add(
                    started.node,
                    format!("`{function}` is started by each object of `{bucket}`, and is told to write there: what it writes starts it again"),
                );
            }
        }
    }
}

/// What an attribute is of, without its last part: `aws_s3_bucket.media` of `aws_s3_bucket.media.id`.
fn address(block: &Block<'_>, name: &str) -> String {
    let text = block
        .attribute(name)
        .map_or("", |set| set.source.tree.source(set.value));
    text.rsplit_once('.')
        .map_or(String::new(), |(address, _)| address.to_owned())
}

/// Whether a variable of the function's environment, called after what is written, is the bucket.
fn is_told(function: &Block<'_>, bucket: &str) -> bool {
    function.inner("environment").iter().any(|environment| {
        let text = environment.source.tree.source(environment.node);
        text.lines().any(|line| {
            let name = line.split('=').next().unwrap_or("").to_ascii_lowercase();
            line.contains(&format!("{bucket}."))
                && ["target", "output", "dest", "result", "write", "out_"]
                    .iter()
                    .any(|word| name.contains(word))
        })
    })
}
