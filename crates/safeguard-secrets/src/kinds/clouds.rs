//! Clouds and those who run services for others.

use super::{Candidate, Kind, Trust, issued, named, token};
use crate::randomness::{is_placeholder, is_random};

pub(super) const KINDS: &[Kind] = &[
    Kind {
        check: access_key_id,
        ..token(
            "aws-access-token",
            "the id of an access key of AWS",
            &["akia", "asia", "abia", "acca"],
            r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}",
        )
    },
    Kind {
        check: aws_secret,
        ..named(
            "aws-secret-access-key",
            "a secret access key of AWS",
            &[
                "secret_access_key",
                "secretaccesskey",
                "secret-access-key",
                "aws_secret",
                "awssecret",
                "aws_session_secret",
            ],
            r#"(?i:aws_?secret(?:_?access)?_?key|aws_secret|secret[_-]?access[_-]?key)["'`\]]*[ \t]*(?:=>|:=|=|:|,|\?=)[ \t]*["'`]?([A-Za-z0-9/+]{40})"#,
        )
    },
    token(
        "aws-bedrock-key",
        "a key of Amazon Bedrock",
        &["absk"],
        r"ABSK[A-Za-z0-9+/]{109,269}={0,2}",
    ),
    Kind {
        check: super::public_at_times,
        ..token(
            "gcp-api-key",
            "an API key of Google",
            &["aiza"],
            r"AIza[A-Za-z0-9_-]{35}",
        )
    },
    token(
        "google-oauth-secret",
        "a client secret of Google",
        &["gocspx-"],
        r"GOCSPX-[A-Za-z0-9_-]{28}",
    ),
    token(
        "google-oauth-token",
        "an access token of Google",
        &["ya29."],
        r"ya29\.[A-Za-z0-9_-]{60,}",
    ),
    Kind {
        check: azure_key,
        ..named(
            "azure-storage-key",
            "a key of Azure's storage",
            &["accountkey="],
            r"(?i:AccountKey)=([A-Za-z0-9+/]{86}==)",
        )
    },
    Kind {
        check: azure_key,
        ..named(
            "azure-shared-access-key",
            "a shared access key of Azure",
            &["sharedaccesskey="],
            r"(?i:SharedAccessKey)=([A-Za-z0-9+/]{43}=)",
        )
    },
    Kind {
        back: 4,
        ahead: 40,
        ..token(
            "azure-ad-client-secret",
            "a client secret of Microsoft Entra",
            &["q~"],
            r"[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}",
        )
    },
    Kind {
        back: 76,
        ahead: 8,
        ..token(
            "azure-devops-token",
            "a token of Azure DevOps",
            &["azdo"],
            r"[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}",
        )
    },
    Kind {
        check: azure_key,
        ..named(
            "azure-sas",
            "a shared access signature of Azure",
            &["&sig=", "?sig=", ";sig=", "amp;sig="],
            r"[&?;]sig=([A-Za-z0-9]{20}[A-Za-z0-9%+/]{20,60}(?:%3[Dd]|=))",
        )
    },
    token(
        "digitalocean-token",
        "a token of DigitalOcean",
        &["dop_v1_", "doo_v1_", "dor_v1_"],
        r"do[opr]_v1_[0-9a-f]{64}",
    ),
    token(
        "heroku-api-key",
        "a key of Heroku",
        &["hrku-"],
        r"HRKU-[A-Za-z0-9_-]{36,64}",
    ),
    token(
        "flyio-access-token",
        "a token of Fly.io",
        &["fm1r_", "fm2_", "fo1_"],
        r"(?:fm1r_|fm2_|fo1_)[A-Za-z0-9+/_-]{43,}={0,3}",
    ),
    token(
        "cloudflare-origin-ca-key",
        "a key of Cloudflare's CA",
        &["v1.0-"],
        r"v1\.0-[0-9a-f]{24}-[0-9a-f]{146}",
    ),
    named(
        "cloudflare-api-key",
        "a token of Cloudflare",
        &["cloudflare", "cf_api"],
        r#"(?i:cloudflare|cf)[A-Za-z_.-]{0,20}(?i:key|token)["'`\]]*[ \t]*(?:=>|:=|=|:)[ \t]*["'`]?([0-9a-f]{37}|[A-Za-z0-9_-]{40})"#,
    ),
    token(
        "alibaba-access-key-id",
        "the id of an access key of Alibaba Cloud",
        &["ltai"],
        r"LTAI[A-Za-z0-9]{20}",
    ),
    token(
        "tencent-secret-id",
        "the id of a key of Tencent Cloud",
        &["akid"],
        r"AKID[A-Za-z0-9]{32}",
    ),
    token(
        "yandex-api-key",
        "a key of Yandex Cloud",
        &["aqvn"],
        r"AQVN[A-Za-z0-9_-]{35,38}",
    ),
    token(
        "linode-token",
        "a token of Linode",
        &["lin_pat_"],
        r"lin_pat_[A-Za-z0-9]{40,64}",
    ),
    named(
        "scaleway-key",
        "a secret key of Scaleway",
        &["scw_secret_key"],
        r#"(?i:SCW_SECRET_KEY)["']?[ \t]*[=:][ \t]*["']?([0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})"#,
    ),
    token(
        "planetscale-token",
        "a password or token of PlanetScale",
        &["pscale_"],
        r"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9=._-]{32,64}",
    ),
    token(
        "databricks-api-token",
        "a token of Databricks",
        &["dapi"],
        r"dapi[0-9a-f]{32}(?:-[0-9])?",
    ),
    token(
        "tailscale-key",
        "a key of Tailscale",
        &["tskey-"],
        r"tskey-(?:api|auth|client|scim|webhook)-[A-Za-z0-9]{8,20}-[A-Za-z0-9]{20,40}",
    ),
    token(
        "netlify-token",
        "a token of Netlify",
        &["nfp_", "nfc_", "nfo_", "nfu_"],
        r"nf[pcou]_[A-Za-z0-9]{36}",
    ),
    token(
        "supabase-token",
        "a secret key of Supabase",
        &["sbp_", "sb_secret_"],
        r"(?:sbp_[0-9a-f]{40}|sb_secret_[A-Za-z0-9_-]{31,40})",
    ),
    token(
        "vault-service-token",
        "a token of Vault",
        &["hvs.", "hvb."],
        r"hv[sb]\.[A-Za-z0-9_-]{90,300}",
    ),
    Kind {
        back: 14,
        ahead: 80,
        ..token(
            "hashicorp-tf-api-token",
            "a token of HCP Terraform",
            &[".atlasv1."],
            r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,70}",
        )
    },
    token(
        "pulumi-api-token",
        "a token of Pulumi",
        &["pul-"],
        r"pul-[0-9a-f]{40}",
    ),
    token(
        "doppler-api-token",
        "a token of Doppler",
        &["dp.pt.", "dp.st.", "dp.ct.", "dp.sa.", "dp.scim."],
        r"dp\.(?:pt|ct|sa|scim|st(?:\.[a-z0-9_-]{2,35})?)\.[A-Za-z0-9]{40,44}",
    ),
    token(
        "age-secret-key",
        "a key of age",
        &["age-secret-key-1"],
        r"AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}",
    ),
];

/// Letters of base 32 stand within base 64 too.
fn access_key_id(candidate: &Candidate<'_>) -> Trust {
    let (before, after) = candidate.around();
    let in_base_64 = |byte: Option<u8>| byte.is_some_and(|byte| matches!(byte, b'/' | b'+'));
    let has_digit = candidate.secret()[4..].bytes().any(|byte| byte.is_ascii_digit());
    if in_base_64(before) || in_base_64(after) || !has_digit {
        return Trust::No;
    }
    issued(candidate)
}

fn aws_secret(candidate: &Candidate<'_>) -> Trust {
    let secret = candidate.secret();
    let has = |is: fn(&u8) -> bool| secret.as_bytes().iter().any(is);
    let goes_on = candidate
        .around()
        .1
        .is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'+' | b'='));
    let mixed = has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit);
    if goes_on || !mixed || !is_random(secret) || is_placeholder(secret) {
        return Trust::No;
    }
    Trust::Sure
}

fn azure_key(candidate: &Candidate<'_>) -> Trust {
    // The key of the storage's emulator, which Microsoft prints.
    const EMULATOR: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq";
    let secret = candidate.secret();
    if secret.starts_with(EMULATOR) || !is_random(secret) || is_placeholder(secret) {
        return Trust::No;
    }
    Trust::Sure
}
