//! Hosts of code, registries of packages, and what builds and tests.

use super::{Kind, named, token, with_sum};

pub(super) const KINDS: &[Kind] = &[
    Kind {
        check: with_sum,
        ..token(
            "github-token",
            "a token of GitHub",
            &["ghp_", "gho_", "ghu_", "ghs_", "ghr_"],
            r"gh[pousr]_[A-Za-z0-9]{36}",
        )
    },
    token(
        "github-fine-grained-pat",
        "a token of GitHub",
        &["github_pat_"],
        r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}",
    ),
    Kind {
        ahead: 400,
        ..token(
            "gitlab-token",
            "a token of GitLab",
            &[
                "glpat-", "gldt-", "glrt-", "glptt-", "glcbt-", "glft-", "glimt-", "glagent-", "glsoat-",
                "gloas-", "glffct-",
            ],
            r"gl(?:pat|dt|rt|ptt|cbt|ft|imt|agent|soat|oas|ffct)-[A-Za-z0-9_-]{20,300}(?:\.[0-9a-z]{2}\.?[0-9a-z]{7,9})?",
        )
    },
    token(
        "gitlab-runner-registration",
        "a token that registers runners of GitLab",
        &["gr1348941"],
        r"GR1348941[A-Za-z0-9_-]{20}",
    ),
    token(
        "bitbucket-token",
        "a token of Bitbucket",
        &["atbb"],
        r"ATBB[A-Za-z0-9]{24}[0-9A-F]{8}",
    ),
    token(
        "atlassian-api-token",
        "a token of Atlassian",
        &["atatt3"],
        r"ATATT3[A-Za-z0-9_=-]{180,250}",
    ),
    Kind {
        check: with_sum,
        ..token(
            "npm-access-token",
            "a token of npm",
            &["npm_"],
            r"npm_[A-Za-z0-9]{36}",
        )
    },
    Kind {
        ahead: 1 << 10,
        ..token(
            "pypi-upload-token",
            "a token of PyPI",
            &["pypi-ageichlwas5vcmc", "pypi-agendgvzdc5wexbplm9yzw"],
            r"pypi-Ag[A-Za-z0-9_-]{60,1000}",
        )
    },
    token(
        "rubygems-api-token",
        "a token of RubyGems",
        &["rubygems_"],
        r"rubygems_[0-9a-f]{48}",
    ),
    token(
        "crates-io-token",
        "a token of crates.io",
        &["cio"],
        r"cio[A-Za-z0-9]{32}",
    ),
    token("nuget-api-key", "a key of NuGet", &["oy2"], r"oy2[a-z0-9]{43}"),
    token(
        "clojars-api-token",
        "a token of Clojars",
        &["clojars_"],
        r"CLOJARS_[0-9a-f]{60}",
    ),
    token(
        "docker-token",
        "a token of Docker",
        &["dckr_pat_", "dckr_oat_"],
        r"dckr_[po]at_[A-Za-z0-9_-]{27,32}",
    ),
    token(
        "artifactory-api-key",
        "a key of Artifactory",
        &["akcp"],
        r"AKCp[A-Za-z0-9]{69}",
    ),
    token(
        "artifactory-reference-token",
        "a token of Artifactory",
        &["cmvmdgtu"],
        r"cmVmdGtu[A-Za-z0-9]{56}",
    ),
    token(
        "buildkite-token",
        "a token of Buildkite",
        &["bkua_"],
        r"bkua_[0-9a-f]{40}",
    ),
    token(
        "circleci-token",
        "a token of CircleCI",
        &["ccipat_"],
        r"CCIPAT_[A-Za-z0-9]{22}_[0-9a-f]{40}",
    ),
    token(
        "sonar-api-token",
        "a token of SonarQube",
        &["squ_", "sqp_", "sqa_"],
        r"sq[upa]_[0-9a-f]{40}",
    ),
    token(
        "sourcegraph-access-token",
        "a token of Sourcegraph",
        &["sgp_"],
        r"sgp_(?:[0-9a-f]{16}_|local_)?[0-9a-f]{40}",
    ),
    token(
        "postman-api-token",
        "a key of Postman",
        &["pmak-"],
        r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}",
    ),
    Kind {
        ahead: 1 << 10,
        ..token(
            "sentry-token",
            "a token of Sentry",
            &["sntrys_", "sntryu_"],
            r"(?:sntrys_eyJ[A-Za-z0-9+/=_]{80,}|sntryu_[0-9a-f]{64})",
        )
    },
    Kind {
        ahead: 1 << 10,
        ..token(
            "grafana-token",
            "a token of Grafana",
            &["glsa_", "glc_ey"],
            r"(?:glsa_[A-Za-z0-9]{32}_[0-9A-Fa-f]{8}|glc_eyJ[A-Za-z0-9+/=]{32,400})",
        )
    },
    token(
        "new-relic-key",
        "a key of New Relic",
        &["nrak-", "nriq-", "nraa-"],
        r"NR(?:AK|IQ|AA)-[A-Za-z0-9]{27,32}",
    ),
    token(
        "dynatrace-api-token",
        "a token of Dynatrace",
        &["dt0c01.", "dt0s"],
        r"dt0[cs][0-9]{2}\.[A-Z0-9]{24}\.[A-Z0-9]{64}",
    ),
    token(
        "honeycomb-key",
        "a key of Honeycomb",
        &["hcaik_", "hcamk_"],
        r"hc[abc][im]k_[a-z0-9]{58}",
    ),
    named(
        "launchdarkly-key",
        "a key of LaunchDarkly's SDK or API",
        &["launchdarkly", "launch_darkly", "ld_"],
        r#"(?i:launch_?darkly|ld)[A-Za-z_.-]{0,20}(?i:key|token)["'`\]]*[ \t]*(?:=>|:=|=|:)[ \t]*["'`]?((?:sdk|api)-[0-9a-f-]{36})"#,
    ),
    token(
        "prefect-api-token",
        "a key of Prefect",
        &["pnu_"],
        r"pnu_[A-Za-z0-9]{36}",
    ),
    token(
        "readme-api-token",
        "a key of ReadMe",
        &["rdme_"],
        r"rdme_[a-z0-9]{70}",
    ),
];
